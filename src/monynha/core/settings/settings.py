"""Every setting of the program: its name, what it takes, its default and what it does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monynha.core.errors import SettingsError
from monynha.core.settings import setting_types
from monynha.core.settings.declaration import Setting, parse_setting, refuse_unknown, setting_field
from monynha.core.settings.dotenv_file import read_dotenv
from monynha.core.settings.setting_types import Limit, SettingType
from monynha.core.weak_secrets import has_weak_password, is_weak_key

SERVICES: Final = ("api", "auth", "realtime", "storage", "worker", "scheduler", "web")
BUILT_SERVICES: Final = frozenset({"api", "auth", "realtime", "web"})

_MINUTE: Final = 60
_HOUR: Final = 3600
_POSTGRES: Final = setting_types.url("postgresql", "postgres")
_VALKEY: Final = setting_types.url("redis", "rediss", "valkey", "valkeys", "unix")


def _parse_service(text: str) -> str:
    if text not in SERVICES:
        raise SettingsError(f"MONYNHA_SERVICES: there is no service {text!r}, only {', '.join(SERVICES)}")
    if text not in BUILT_SERVICES:
        raise SettingsError(f"MONYNHA_SERVICES: the service {text!r} is not built yet")
    return text


def _parse_services(text: str) -> frozenset[str]:
    if not (services := frozenset(setting_types.parse_list(text, _parse_service))):
        raise ValueError
    return services


@dataclass(frozen=True)
class Settings:
    """All settings, read once at the start, checked, and passed down."""

    app_env: str = setting_field(
        "APP_ENV",
        setting_types.choice("development", "production"),
        "development",
        "Whether this is a desk or the world: production demands real secrets and has strict limits.",
    )
    log_level: str = setting_field(
        "LOG_LEVEL",
        setting_types.choice("debug", "info", "warning", "error"),
        "info",
        "The least severe line to log.",
    )
    site_url: str = setting_field(
        "SITE_URL",
        setting_types.site_url,
        "",
        "The address people reach this by (default: what it listens on).",
    )
    host: str = setting_field("MONYNHA_HOST", setting_types.one_line, "127.0.0.1", "The address to listen on.")
    port: int = setting_field(
        "MONYNHA_PORT", setting_types.number(0, 65535), 8000, "The port to listen on; 0 picks a free one."
    )
    workers: int = setting_field(
        "MONYNHA_WORKERS", setting_types.number(1, 64), 1, "How many processes answer requests."
    )
    services: frozenset[str] = setting_field(
        "MONYNHA_SERVICES",
        SettingType("services with commas between", _parse_services),
        BUILT_SERVICES,
        "Which parts of the program run here (default: all that are built).",
    )
    data_dir: Path = setting_field(
        "MONYNHA_DATA_DIR",
        setting_types.folder,
        Path("data"),
        "The folder of the embedded servers, files and made secrets.",
    )
    database_url: str | None = setting_field(
        "DATABASE_URL",
        _POSTGRES,
        None,
        "The PostgreSQL server, 15 or later (default: one inside the program).",
    )
    database_owner_url: str | None = setting_field(
        "DATABASE_OWNER_URL", _POSTGRES, None, "The login that migrates (default: the one of DATABASE_URL)."
    )
    database_replica_url: str | None = setting_field(
        "DATABASE_REPLICA_URL", _POSTGRES, None, "A copy of the database to read from."
    )
    redis_url: str | None = setting_field(
        "REDIS_URL", _VALKEY, None, "The Valkey or Redis server or cluster (default: one inside the program)."
    )
    storage_url: str = setting_field(
        "STORAGE_URL",
        setting_types.url("file", "s3", "gs", "az"),
        "",
        "Where files are kept (default: in the data folder).",
    )
    smtp_url: str | None = setting_field(
        "SMTP_URL",
        setting_types.url("smtp", "smtps"),
        None,
        "The mail server (default: mail goes to a folder).",
    )
    jwt_secret: str = setting_field(
        "JWT_SECRET",
        setting_types.secret(32),
        "",
        "The key that signs tokens (default: made at the first start).",
    )
    supabase_url: str | None = setting_field(
        "SUPABASE_URL", setting_types.site_url, None, "A hosted Supabase project as identity provider."
    )
    autoconfirm: bool = setting_field(
        "MONYNHA_AUTOCONFIRM",
        setting_types.boolean,
        True,
        "Whether a sign-up counts at once, without a mail.",
        production=False,
    )
    access_token_ttl_s: int = setting_field(
        "MONYNHA_ACCESS_TOKEN_TTL", setting_types.duration, _HOUR, "How long an access token holds."
    )
    refresh_reuse_interval_s: int = setting_field(
        "MONYNHA_REFRESH_REUSE_INTERVAL",
        setting_types.duration,
        10,
        "How long a replaced refresh token is still tolerated.",
    )
    cors_origins: tuple[str, ...] = setting_field(
        "MONYNHA_CORS_ORIGINS",
        setting_types.origins,
        (),
        "Other sites whose pages may call (development: any localhost too).",
    )
    trusted_proxies: tuple[str, ...] = setting_field(
        "MONYNHA_TRUSTED_PROXIES",
        setting_types.networks,
        (),
        "The proxies whose X-Forwarded-For is believed.",
    )
    limit_auth: Limit | None = setting_field(
        "MONYNHA_LIMIT_AUTH",
        setting_types.limit,
        Limit(5, 15 * _MINUTE),
        "Tries to sign in, per account and address together; ten times as many per address.",
    )
    limit_api: Limit | None = setting_field(
        "MONYNHA_LIMIT_API",
        setting_types.limit,
        Limit(100_000, 15 * _MINUTE),
        "API requests per signed-in user.",
        production=Limit(3_000, 15 * _MINUTE),
    )
    limit_api_address: Limit | None = setting_field(
        "MONYNHA_LIMIT_API_ADDRESS",
        setting_types.limit,
        Limit(10_000, 15 * _MINUTE),
        "API requests per address when signed out (never above MONYNHA_LIMIT_API, if that is set).",
        production=Limit(100, 15 * _MINUTE),
    )
    limit_upload: Limit | None = setting_field(
        "MONYNHA_LIMIT_UPLOAD",
        setting_types.limit,
        Limit(1_000, _HOUR),
        "Uploads per user.",
        production=Limit(10, _HOUR),
    )
    migrate: str = setting_field(
        "MONYNHA_MIGRATE",
        setting_types.choice("auto", "manual"),
        "",
        "Whether `serve` migrates by itself (default: only a database inside the program).",
    )
    events_retention_days: int | None = setting_field(
        "MONYNHA_EVENTS_RETENTION_DAYS",
        setting_types.number(1, 36_500),
        None,
        "How many days the history is kept (default: for ever); who was away longer is told to ask again.",
    )
    postgres_bin: Path | None = setting_field(
        "MONYNHA_POSTGRES_BIN",
        setting_types.folder,
        None,
        "The folder of postgres, initdb and pg_dump to use.",
    )
    valkey_bin: Path | None = setting_field(
        "MONYNHA_VALKEY_BIN",
        setting_types.folder,
        None,
        "The valkey-server or redis-server to use, or its folder.",
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
    def server_urls(self) -> dict[str, str | None]:
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
        is_production = parse_setting(cls.catalogue()["app_env"], texts, is_production=False) == "production"
        values = {
            name: parse_setting(setting, texts, is_production=is_production)
            for name, setting in cls.catalogue().items()
        }
        settings = _with_derived_defaults(cls(**values), frozenset(texts))
        _check_combinations(settings)
        return settings

    @classmethod
    def catalogue(cls) -> dict[str, Setting]:
        """Every setting by its field's name, as the documentation lists them."""
        return {each.name: each.metadata["setting"] for each in dataclasses.fields(cls)}


def _with_derived_defaults(settings: Settings, given_names: frozenset[str]) -> Settings:
    """Fill in the defaults that follow from other settings."""
    data_dir = settings.data_dir.absolute()
    api_limit, address_limit = settings.limit_api, settings.limit_api_address
    if "MONYNHA_LIMIT_API" in given_names and "MONYNHA_LIMIT_API_ADDRESS" not in given_names:
        address_limit = api_limit and min(
            api_limit, address_limit or api_limit, key=lambda limit: limit.count / limit.window_s
        )
    return dataclasses.replace(
        settings,
        data_dir=data_dir,
        limit_api_address=address_limit,
        site_url=settings.site_url or local_url(settings.host, settings.port),
        storage_url=settings.storage_url or f"file://{data_dir / 'files'}",
        migrate=settings.migrate or ("manual" if settings.database_url else "auto"),
        database_owner_url=settings.database_owner_url or settings.database_url,
    )


def local_url(host: str, port: int) -> str:
    """The address at which a browser on this machine finds what listens there."""
    reachable_host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)
    return (
        f"http://[{reachable_host}]:{port}"
        if ":" in reachable_host and "[" not in reachable_host
        else f"http://{reachable_host}:{port}"
    )


def _check_combinations(settings: Settings) -> None:
    """Refuse settings that are right alone but wrong together."""
    if settings.database_url and not settings.jwt_secret:
        raise SettingsError("JWT_SECRET: expected at least 32 characters, because DATABASE_URL is set")
    if not settings.database_url and settings.database_owner_url:
        raise SettingsError("DATABASE_OWNER_URL: set DATABASE_URL too, or neither")
    if not settings.database_url and settings.database_replica_url:
        raise SettingsError("DATABASE_REPLICA_URL: set DATABASE_URL too, or neither")
    if settings.is_production and settings.jwt_secret and is_weak_key(settings.jwt_secret):
        raise SettingsError("JWT_SECRET: production demands a real secret, such as `openssl rand -hex 32` prints")
    for name, url in settings.server_urls.items():
        if settings.is_production and has_weak_password(url):
            raise SettingsError(f"{name}: production demands a password that nobody knows")
    if settings.is_production and not settings.autoconfirm and not settings.smtp_url:
        raise SettingsError("SMTP_URL: production demands a mail server, unless MONYNHA_AUTOCONFIRM is on")
