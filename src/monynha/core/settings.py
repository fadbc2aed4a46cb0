"""Every setting of the program: its name, what it takes, its default and what it does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monynha.core import setting_kinds as kinds
from monynha.core.dotenv_file import read_dotenv
from monynha.core.errors import WrongSetting
from monynha.core.known_secrets import has_known_password, is_weak_key
from monynha.core.setting import Setting, declared, parsed, refuse_unknown
from monynha.core.setting_kinds import Kind, Limit

SERVICES: Final = ("api", "auth", "realtime", "storage", "worker", "scheduler", "web")
BUILT_SERVICES: Final = frozenset({"api", "auth", "realtime", "web"})

_MINUTE: Final = 60
_HOUR: Final = 3600
_POSTGRES: Final = kinds.url("postgresql", "postgres")
_VALKEY: Final = kinds.url("redis", "rediss", "valkey", "valkeys", "unix")


def _service(text: str) -> str:
    if text not in SERVICES:
        raise WrongSetting(f"MONYNHA_SERVICES: there is no service {text!r}, only {', '.join(SERVICES)}")
    if text not in BUILT_SERVICES:
        raise WrongSetting(f"MONYNHA_SERVICES: the service {text!r} is not built yet")
    return text


def _service_set(text: str) -> frozenset[str]:
    if not (found := frozenset(kinds.items(text, _service))):
        raise ValueError
    return found


@dataclass(frozen=True)
class Settings:
    """All settings, read once at the start, checked, and passed down."""

    app_env: str = declared(
        "APP_ENV",
        kinds.choice("development", "production"),
        "development",
        "Whether this is a desk or the world: production demands real secrets and has strict limits.",
    )
    log_level: str = declared(
        "LOG_LEVEL",
        kinds.choice("debug", "info", "warning", "error"),
        "info",
        "The least severe line to log.",
    )
    site_url: str = declared(
        "SITE_URL", kinds.web_site, "", "The address people reach this by (default: what it listens on)."
    )
    host: str = declared("MONYNHA_HOST", kinds.one_line, "127.0.0.1", "The address to listen on.")
    port: int = declared(
        "MONYNHA_PORT", kinds.number(0, 65535), 8000, "The port to listen on; 0 picks a free one."
    )
    workers: int = declared("MONYNHA_WORKERS", kinds.number(1, 64), 1, "How many processes answer requests.")
    services: frozenset[str] = declared(
        "MONYNHA_SERVICES",
        Kind("services with commas between", _service_set),
        BUILT_SERVICES,
        "Which parts of the program run here (default: all that are built).",
    )
    data_dir: Path = declared(
        "MONYNHA_DATA_DIR",
        kinds.folder,
        Path("data"),
        "The folder of the embedded servers, files and made secrets.",
    )
    database_url: str | None = declared(
        "DATABASE_URL",
        _POSTGRES,
        None,
        "The PostgreSQL server, 15 or later (default: one inside the program).",
    )
    database_owner_url: str | None = declared(
        "DATABASE_OWNER_URL", _POSTGRES, None, "The login that migrates (default: the one of DATABASE_URL)."
    )
    database_replica_url: str | None = declared(
        "DATABASE_REPLICA_URL", _POSTGRES, None, "A copy of the database to read from."
    )
    redis_url: str | None = declared(
        "REDIS_URL", _VALKEY, None, "The Valkey or Redis server or cluster (default: one inside the program)."
    )
    storage_url: str = declared(
        "STORAGE_URL",
        kinds.url("file", "s3", "gs", "az"),
        "",
        "Where files are kept (default: in the data folder).",
    )
    smtp_url: str | None = declared(
        "SMTP_URL", kinds.url("smtp", "smtps"), None, "The mail server (default: mail goes to a folder)."
    )
    jwt_secret: str = declared(
        "JWT_SECRET", kinds.secret(32), "", "The key that signs tokens (default: made at the first start)."
    )
    supabase_url: str | None = declared(
        "SUPABASE_URL", kinds.web_site, None, "A hosted Supabase project as identity provider."
    )
    autoconfirm: bool = declared(
        "MONYNHA_AUTOCONFIRM",
        kinds.boolean,
        True,
        "Whether a sign-up counts at once, without a mail.",
        production=False,
    )
    access_token_ttl_s: int = declared(
        "MONYNHA_ACCESS_TOKEN_TTL", kinds.duration, _HOUR, "How long an access token holds."
    )
    refresh_reuse_interval_s: int = declared(
        "MONYNHA_REFRESH_REUSE_INTERVAL",
        kinds.duration,
        10,
        "How long a replaced refresh token is still tolerated.",
    )
    cors_origins: tuple[str, ...] = declared(
        "MONYNHA_CORS_ORIGINS",
        kinds.origins,
        (),
        "Other sites whose pages may call (development: any localhost too).",
    )
    trusted_proxies: tuple[str, ...] = declared(
        "MONYNHA_TRUSTED_PROXIES", kinds.networks, (), "The proxies whose X-Forwarded-For is believed."
    )
    limit_auth: Limit | None = declared(
        "MONYNHA_LIMIT_AUTH",
        kinds.limit,
        Limit(5, 15 * _MINUTE),
        "Tries to sign in, per account and address together; ten times as many per address.",
    )
    limit_api: Limit | None = declared(
        "MONYNHA_LIMIT_API",
        kinds.limit,
        Limit(100_000, 15 * _MINUTE),
        "API requests per signed-in user.",
        production=Limit(3_000, 15 * _MINUTE),
    )
    limit_api_address: Limit | None = declared(
        "MONYNHA_LIMIT_API_ADDRESS",
        kinds.limit,
        Limit(10_000, 15 * _MINUTE),
        "API requests per address when signed out (never above MONYNHA_LIMIT_API, if that is set).",
        production=Limit(100, 15 * _MINUTE),
    )
    limit_upload: Limit | None = declared(
        "MONYNHA_LIMIT_UPLOAD",
        kinds.limit,
        Limit(1_000, _HOUR),
        "Uploads per user.",
        production=Limit(10, _HOUR),
    )
    migrate: str = declared(
        "MONYNHA_MIGRATE",
        kinds.choice("auto", "manual"),
        "",
        "Whether `serve` migrates by itself (default: only a database inside the program).",
    )
    events_retention_days: int | None = declared(
        "MONYNHA_EVENTS_RETENTION_DAYS",
        kinds.number(1, 36_500),
        None,
        "How many days the history is kept (default: for ever); who was away longer is told to ask again.",
    )
    postgres_bin: Path | None = declared(
        "MONYNHA_POSTGRES_BIN", kinds.folder, None, "The folder of postgres, initdb and pg_dump to use."
    )
    valkey_bin: Path | None = declared(
        "MONYNHA_VALKEY_BIN", kinds.folder, None, "The valkey-server or redis-server to use, or its folder."
    )

    @property
    def is_production(self) -> bool:
        """Whether strict rules apply."""
        return self.app_env == "production"

    @property
    def limit_auth_address(self) -> Limit | None:
        """Tries to sign in per address alone, wide enough for an office behind one address."""
        return self.limit_auth and Limit(10 * self.limit_auth.count, self.limit_auth.window_s)

    @property
    def guarded_urls(self) -> dict[str, str | None]:
        """The addresses of servers that hold everybody's data, by the names of their settings."""
        return {
            "DATABASE_URL": self.database_url,
            "DATABASE_OWNER_URL": self.database_owner_url,
            "DATABASE_REPLICA_URL": self.database_replica_url,
            "REDIS_URL": self.redis_url,
        }

    @property
    def mail_dir(self) -> Path:
        """Where mail goes while there is no mail server."""
        return self.data_dir / "mail"

    @classmethod
    def read(cls, environ: Mapping[str, str], dotenv_path: Path | None = None) -> Settings:
        """Read and check every setting; what is in `environ` wins over the `.env` file."""
        texts = {**read_dotenv(dotenv_path), **environ}
        # An empty text is an unset one: that is what `REDIS_URL=` means in compose files.
        texts = {name: text.strip() for name, text in texts.items() if text.strip()}
        refuse_unknown(texts, {setting.name for setting in cls.catalogue().values()})
        production = parsed(cls.catalogue()["app_env"], texts, strict=False) == "production"
        values = {
            name: parsed(setting, texts, strict=production) for name, setting in cls.catalogue().items()
        }
        settings = _derive(cls(**values), frozenset(texts))
        _check(settings)
        return settings

    @classmethod
    def catalogue(cls) -> dict[str, Setting]:
        """Every setting by its field's name, as the documentation lists them."""
        return {each.name: each.metadata["setting"] for each in dataclasses.fields(cls)}


def _derive(settings: Settings, given: frozenset[str]) -> Settings:
    """Fill in the defaults that follow from other settings."""
    data_dir = settings.data_dir.absolute()
    api, address = settings.limit_api, settings.limit_api_address
    if "MONYNHA_LIMIT_API" in given and "MONYNHA_LIMIT_API_ADDRESS" not in given:
        address = api and min(api, address or api, key=lambda limit: limit.count / limit.window_s)
    return dataclasses.replace(
        settings,
        data_dir=data_dir,
        limit_api_address=address,
        site_url=settings.site_url or local_url(settings.host, settings.port),
        storage_url=settings.storage_url or f"file://{data_dir / 'files'}",
        migrate=settings.migrate or ("manual" if settings.database_url else "auto"),
        database_owner_url=settings.database_owner_url or settings.database_url,
    )


def local_url(host: str, port: int) -> str:
    """The address at which a browser on this machine finds what listens there."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)
    return (
        f"http://[{reachable}]:{port}"
        if ":" in reachable and "[" not in reachable
        else f"http://{reachable}:{port}"
    )


def _check(settings: Settings) -> None:
    """Refuse settings that are right alone but wrong together."""
    if settings.database_url and not settings.jwt_secret:
        raise WrongSetting("JWT_SECRET: expected at least 32 characters, because DATABASE_URL is set")
    if not settings.database_url and settings.database_owner_url:
        raise WrongSetting("DATABASE_OWNER_URL: set DATABASE_URL too, or neither")
    if not settings.database_url and settings.database_replica_url:
        raise WrongSetting("DATABASE_REPLICA_URL: set DATABASE_URL too, or neither")
    if settings.is_production and settings.jwt_secret and is_weak_key(settings.jwt_secret):
        raise WrongSetting(
            "JWT_SECRET: production demands a real secret, such as `openssl rand -hex 32` prints"
        )
    for name, url in settings.guarded_urls.items():
        if settings.is_production and has_known_password(url):
            raise WrongSetting(f"{name}: production demands a password that nobody knows")
    if settings.is_production and not settings.autoconfirm and not settings.smtp_url:
        raise WrongSetting("SMTP_URL: production demands a mail server, unless MONYNHA_AUTOCONFIRM is on")
