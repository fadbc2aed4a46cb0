"""What the consent page says, in each language; `{client}` and the like are filled in as text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ConsentTexts:
    """The texts of one language."""

    consent_title: str
    consent_lead: str
    scopes: dict[str, tuple[str, str]]
    """The heading and the explanation of each scope."""
    signed_in_as: str
    other_account: str
    allow: str
    deny: str
    returns_to: str
    returns_to_this_device: str
    returns_to_application: str
    take_back: str
    self_registered: str
    unnamed_client: str
    sign_in_title: str
    sign_in_lead: str
    email: str
    password: str
    sign_in: str
    send_code: str
    provider: str
    code_title: str
    code_lead: str
    factor_title: str
    factor_lead: str
    code: str
    verify: str
    back: str
    gone_title: str
    gone_text: str
    errors: dict[str, str]
    """What is wrong with a form, by a key of ours."""


_ENGLISH: Final = ConsentTexts(
    consent_title="Allow {client} to use your account?",
    consent_lead="It would be able to:",
    scopes={
        "read": ("See what you see", "Projects, tasks, comments, files and notifications."),
        "write": ("Create and change things in your name", "Tasks, comments and files, in every project of yours."),
        "admin": (
            "Do everything that you can do",
            "Also delete projects, choose their members and administer the system, if you may.",
        ),
        "openid": ("Recognize you", "By a number that stands for your account."),
        "profile": ("See your profile", "Your name and your picture."),
        "email": ("See your email address", "{email}"),
    },
    signed_in_as="Signed in as",
    other_account="Use another account",
    allow="Allow",
    deny="Do not allow",
    returns_to="Afterwards you return to {place}.",
    returns_to_this_device="Afterwards you return to a program on this device.",
    returns_to_application="Afterwards you return to the installed application {place}.",
    take_back="You can take this back at any time.",
    self_registered="This application has registered itself. Nobody here has checked who is behind it.",
    unnamed_client="An application without a name",
    sign_in_title="Sign in",
    sign_in_lead="{client} asks for access to your account. Sign in to see what it asks for.",
    email="Email",
    password="Password",
    sign_in="Sign in",
    send_code="Email me a code instead",
    provider="Continue with {provider}",
    code_title="Check your mail",
    code_lead="If {email} is registered, a code of six digits is on its way.",
    factor_title="Confirm that it is you",
    factor_lead="Enter the code that your authenticator app shows, or one of your recovery codes.",
    code="Code",
    verify="Continue",
    back="Back",
    gone_title="This request is no longer valid",
    gone_text="Go back to the application and begin again.",
    errors={
        "credentials": "Email and password do not match.",
        "unconfirmed": "Confirm your email address first: the link is in your mail.",
        "banned": "This account is locked.",
        "provider": "Signing in there did not work. Try again, or in another way.",
        "code": "This code is wrong or has expired.",
        "email": "Enter your email address.",
        "limited": "Too many attempts. Try again in {minutes} min.",
        "form": "The page was open for too long, or cookies are off. Try again.",
    },
)

_PORTUGUESE: Final = ConsentTexts(
    consent_title="Permitir que {client} use a sua conta?",
    consent_lead="O aplicativo poderia:",
    scopes={
        "read": ("Ver o que você vê", "Projetos, tarefas, comentários, arquivos e notificações."),
        "write": ("Criar e alterar coisas em seu nome", "Tarefas, comentários e arquivos, em todos os seus projetos."),
        "admin": (
            "Fazer tudo o que você pode fazer",
            "Inclusive excluir projetos, escolher seus membros e administrar o sistema, se você puder.",
        ),
        "openid": ("Reconhecer você", "Por um número que representa a sua conta."),
        "profile": ("Ver o seu perfil", "Seu nome e sua foto."),
        "email": ("Ver o seu e-mail", "{email}"),
    },
    signed_in_as="Você entrou como",
    other_account="Usar outra conta",
    allow="Permitir",
    deny="Não permitir",
    returns_to="Depois você volta para {place}.",
    returns_to_this_device="Depois você volta para um programa neste dispositivo.",
    returns_to_application="Depois você volta para o aplicativo instalado {place}.",
    take_back="Você pode desfazer isto quando quiser.",
    self_registered="Este aplicativo se registrou sozinho. Ninguém aqui verificou quem está por trás dele.",
    unnamed_client="Um aplicativo sem nome",
    sign_in_title="Entrar",
    sign_in_lead="{client} pede acesso à sua conta. Entre para ver o que ele pede.",
    email="E-mail",
    password="Senha",
    sign_in="Entrar",
    send_code="Receber um código por e-mail",
    provider="Continuar com {provider}",
    code_title="Confira seu e-mail",
    code_lead="Se {email} estiver cadastrado, um código de seis dígitos está a caminho.",
    factor_title="Confirme que é você",
    factor_lead="Digite o código que o seu aplicativo autenticador mostra, ou um dos seus códigos de recuperação.",
    code="Código",
    verify="Continuar",
    back="Voltar",
    gone_title="Este pedido não vale mais",
    gone_text="Volte ao aplicativo e comece de novo.",
    errors={
        "credentials": "E-mail e senha não combinam.",
        "unconfirmed": "Primeiro confirme seu e-mail: o link está na sua caixa de entrada.",
        "banned": "Esta conta está bloqueada.",
        "provider": "Não foi possível entrar por lá. Tente de novo, ou de outra forma.",
        "code": "Este código está errado ou expirou.",
        "email": "Digite seu e-mail.",
        "limited": "Tentativas demais. Tente de novo em {minutes} min.",
        "form": "A página ficou aberta por muito tempo, ou os cookies estão desligados. Tente de novo.",
    },
)

CONSENT_TEXTS: Final = {"en": _ENGLISH, "pt-BR": _PORTUGUESE}
