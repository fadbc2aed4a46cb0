"""Rendering of mail templates: values are data and nothing else, links lead to the site, files replace files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest

from monynha.infra.mail.template_errors import MailTemplateError
from tests.infra.mail.template_folder import templates_of, write_templates

HOSTILE_NAMES = [
    "<script>alert(1)</script>",
    '" onmouseover="alert(1)',
    "'><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "</mj-text></mj-column><mj-raw><script>",
    "<mj-include path='/etc/passwd' />",
    "<!-- --><![CDATA[ ]]>&#60;script&#62;&lt;",
]


@dataclass
class ReadHtml(HTMLParser):
    """What a mail program reads in HTML: its elements with their attributes, and the text between them."""

    html: str
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_value_is_text_wherever_it_stands(tmp_path: Path, name: str) -> None:
    mjml = '<mj-text css-class="{{ name }}">{{ name }}</mj-text><mj-image src="cid:x" alt="{{ name }}" />'
    write_templates(tmp_path, mjml, "About {{ name }}\n\n{{ name }}")

    mail = templates_of(tmp_path).render("notice", "en", {"name": name})

    plain = templates_of(tmp_path).render("notice", "en", {"name": "plain"})
    read, read_plain = ReadHtml(mail.html), ReadHtml(plain.html)
    assert name in read.text
    assert [attributes["alt"] for tag, attributes in read.elements if tag == "img"] == [name]
    assert [(tag, attributes.keys()) for tag, attributes in read.elements] == [
        (tag, attributes.keys()) for tag, attributes in read_plain.elements
    ]
    assert mail.subject == " ".join(f"About {name}".split())
    assert mail.text == f"{name}\n"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ada\r\nBcc: eve@example.org", "Ada  Bcc: eve@example.org"),
        ("Ada\x00\x0b\x1b[31m\x7f\x85", "Ada   [31m  "),
        ("Ada\u2028\u2029x", "Ada  x"),
        ("Ada\u202egnp.exe\u2066", "Adagnp.exe"),
        ("\u200fעדה\u200f", "עדה"),
        ("\ufffe\uffff\ue000x", "  \ue000x"),
        ("👩‍💻", "👩‍💻"),
    ],
)
def test_a_value_stays_in_one_line_and_does_not_reorder_what_follows(tmp_path: Path, name: str, written: str) -> None:
    write_templates(tmp_path, "<mj-text>[{{ name }}]</mj-text>", "[{{ name }}]\n\n[{{ name }}]")

    mail = templates_of(tmp_path).render("notice", "en", {"name": name})

    assert f"[{written}]" in mail.html
    assert mail.text == f"[{written}]\n"
    assert mail.subject == " ".join(f"[{written}]".split())


def test_the_first_line_of_the_text_is_the_subject(tmp_path: Path) -> None:
    write_templates(tmp_path, "<mj-text>{{ subject }}</mj-text>", "{# a note #}\n\nOf  {{ day }}\n\n\nOne.\nTwo.\n\n")
    templates = templates_of(tmp_path)

    own = templates.render("notice", "en", {"day": "today"})
    given = templates.render("notice", "en", {"day": "today"}, subject="Given\r\nBcc: x")

    assert (own.subject, own.text) == ("Of today", "One.\nTwo.\n")
    assert "Of today" in own.html
    assert (given.subject, given.text) == ("Given Bcc: x", "One.\nTwo.\n")


def test_each_language_has_its_file_and_an_unknown_one_is_english(tmp_path: Path) -> None:
    write_templates(tmp_path, "<mj-text>x</mj-text>", "Hello\n\n{{ locale }}")
    (tmp_path / "pt-BR" / "notice.txt").write_text("Olá\n\n{{ locale }}")
    templates = templates_of(tmp_path)

    mails = [templates.render("notice", locale, {}) for locale in ("en", "pt-BR", "de", "../pt-BR", "")]

    assert [(mail.subject, mail.text.strip()) for mail in mails] == [
        ("Hello", "en"),
        ("Olá", "pt-BR"),
        ("Hello", "en"),
        ("Hello", "en"),
        ("Hello", "en"),
    ]


@pytest.mark.parametrize("name", ["../secret", "en/notice", "notice.txt", "/etc/passwd", "", "Notice", "missing"])
def test_a_template_that_does_not_exist_is_an_error(tmp_path: Path, name: str) -> None:
    write_templates(tmp_path, "<mj-text>x</mj-text>")
    (tmp_path / "secret.txt").write_text("secret")

    with pytest.raises(MailTemplateError, match="there is no mail template"):
        templates_of(tmp_path).render(name, "en", {})


def test_a_link_leads_to_the_site(tmp_path: Path) -> None:
    write_templates(tmp_path, '<mj-button href="{{ path | link }}">x</mj-button>', "x\n\n{{ path | link }}")

    mail = templates_of(tmp_path).render("notice", "en", {"path": '/a?b=1&c="x'})

    assert 'href="https://board.example.org/a?b=1&amp;c=&#34;x"' in mail.html
    assert mail.text == 'https://board.example.org/a?b=1&c="x\n'


@pytest.mark.parametrize(
    "path", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "", "evil", "/a b", "/a\nb", " /a"]
)
def test_a_link_elsewhere_is_an_error(tmp_path: Path, path: str) -> None:
    write_templates(tmp_path, '<mj-button href="{{ path | link }}">x</mj-button>')

    with pytest.raises(MailTemplateError, match="a link in a mail must be a path of this site"):
        templates_of(tmp_path).render("notice", "en", {"path": path})


def test_a_mail_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    write_templates(tmp_path, "<mj-text>x</mj-text>")

    mail = templates_of(tmp_path).render("notice", "en", {})

    assert re.findall(r"https?://[^\"'\s>]*", mail.html) == ["http://www.w3.org/1999/xhtml"]


@pytest.mark.parametrize(
    "expression",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.environ }}",
        "{{ data.append(1) }}",
        "{{ (1).__class__.__base__.__subclasses__() }}",
    ],
)
def test_a_template_reaches_nothing_of_the_program(tmp_path: Path, expression: str) -> None:
    write_templates(tmp_path, f"<mj-text>{expression}</mj-text>")

    with pytest.raises(MailTemplateError, match=r"notice\.mjml, line 2: "):
        templates_of(tmp_path).render("notice", "en", {"data": []})


def test_a_file_of_the_operator_replaces_that_file_only(tmp_path: Path) -> None:
    write_templates(tmp_path / "own", "<mj-text>built-in</mj-text>", "Built-in\n\nbuilt-in")
    (tmp_path / "override" / "en").mkdir(parents=True)
    (tmp_path / "override" / "en" / "notice.txt").write_text("Ours\n\n{% include '_greeting.txt' %} {{ name }}")
    (tmp_path / "override" / "_greeting.txt").write_text("Hello")
    templates = templates_of(tmp_path / "own", tmp_path / "override")

    mail = templates.render("notice", "en", {"name": "<Ada>"})
    other = templates.render("notice", "pt-BR", {"name": "Ada"})

    assert (mail.subject, mail.text) == ("Ours", "Hello <Ada>\n")
    assert "built-in" in mail.html
    assert other.subject == "Built-in"
    templates.check({"notice": {"name": "Ada"}})
