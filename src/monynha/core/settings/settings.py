"""Every setting of the program: its name, what it accepts, its default and what it does."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from monynha.core.errors import SettingsError
from monynha.core.settings import setting_types
from monynha.core.settings.account_settings import AccountSettings, check_account_settings
from monynha.core.settings.declaration import Setting, parse_setting, refuse_unknown, setting_field
from monynha.core.settings.dotenv_file import read_dotenv
from monynha.core.settings.oauth_providers import OAUTH_PROVIDER_SETTINGS, OAuthProviderSettings, parse_oauth_providers
from monynha.core.settings.setting_types import Limit, SettingType, format_value
from monynha.core.settings.sign_in_settings import SignInSettings
from monynha.core.weak_secrets import has_weak_password, is_weak_key

SERVICES: Final = ("api", "auth", "realtime", "storage", "worker", "scheduler", "web")

_MINUTE: Final = 60
_HOUR: Final = 3600
_POSTGRES: Final = setting_types.url("postgresql", "postgres")
_VALKEY: Final = setting_types.url("redis", "rediss", "valkey", "valkeys", "unix")


def _parse_service(text: str) -> str:
    if text not in SERVICES:
        raise SettingsError(f"MONYNHA_SERVICES: there is no service {text!r}, only {', '.join(SERVICES)}")
    return text


def _parse_services(text: str) -> frozenset[str]:
    if not (services := frozenset(setting_types.parse_list(text, _parse_service))):
        raise ValueError
    return services


@dataclass(frozen=True)
class Settings(SignInSettings, AccountSettings):
    """The values of all settings, checked; read once at the start and passed down."""

    app_env: str = setting_field(
        "APP_ENV",
        setting_types.choice("development", "production"),
        "development",
        "The environment: production requires strong secrets and applies strict rate limits.",
    )
    log_level: str = setting_field(
        "LOG_LEVEL",
        setting_types.choice("debug", "info", "warning", "error"),
        "info",
        "The lowest level that is logged.",
    )
    site_url: str = setting_field(
        "SITE_URL",
        setting_types.site_url,
        "",
        "The public URL of the site (default: the address it listens on).",
    )
    host: str = setting_field("MONYNHA_HOST", setting_types.one_line, "127.0.0.1", "The address to listen on.")
    port: int = setting_field(
        "MONYNHA_PORT", setting_types.number(0, 65535), 8000, "The port to listen on; 0 picks a free one."
    )
    workers: int = setting_field(
        "MONYNHA_WORKERS", setting_types.number(1, 64), 1, "The number of processes that serve requests."
    )
    services: frozenset[str] = setting_field(
        "MONYNHA_SERVICES",
        SettingType("services, separated by commas", _parse_services),
        frozenset(SERVICES),
        "The parts of the program that run here (default: all).",
    )
    data_dir: Path = setting_field(
        "MONYNHA_DATA_DIR",
        setting_types.folder,
        Path("data"),
        "The folder of the embedded servers, of mail files and of generated secrets.",
    )
    database_url: str | None = setting_field(
        "DATABASE_URL",
        _POSTGRES,
        None,
        "The PostgreSQL server, version 15 or later (default: an embedded one).",
    )
    database_owner_url: str | None = setting_field(
        "DATABASE_OWNER_URL", _POSTGRES, None, "The login that runs migrations (default: that of DATABASE_URL)."
    )
    database_replica_url: str | None = setting_field(
        "DATABASE_REPLICA_URL",
        _POSTGRES,
        None,
        "A replica of the database that serves reads.",
        missing_feature="reading from a replica",
    )
    redis_url: str | None = setting_field(
        "REDIS_URL", _VALKEY, None, "The Valkey or Redis server or cluster (default: an embedded one)."
    )
    storage_url: str = setting_field(
        "STORAGE_URL",
        setting_types.url("file", "s3", "gs", "az"),
        "",
        "Where the bodies of files are stored, as file:///folder, s3://bucket/prefix?region=…&endpoint=…, gs://bucket"
        " or az://container?account=… (default: the folder `objects` below the data folder).",
    )
    smtp_url: str | None = setting_field(
        "SMTP_URL",
        setting_types.url("smtp", "smtps"),
        None,
        "The mail server, as smtp://user:password@host:587, with the sender as `?from=` (default: mail becomes files).",
    )
    templates_dir: Path | None = setting_field(
        "MONYNHA_TEMPLATES_DIR",
        setting_types.folder,
        None,
        "A folder with mail templates that replace those of the program, file by file, such as en/recovery.mjml.",
    )
    jwt_secret: str = setting_field(
        "JWT_SECRET",
        setting_types.secret(32),
        "",
        "The key that signs access tokens (default: generated at the first start).",
    )
    supabase_url: str | None = setting_field(
        "SUPABASE_URL",
        setting_types.site_url,
        None,
        "A hosted Supabase that serves as identity provider: its access tokens are accepted by its published keys.",
    )
    autoconfirm: bool = setting_field(
        "MONYNHA_AUTOCONFIRM",
        setting_types.boolean,
        True,
        "Whether an account is confirmed at sign-up, without a confirmation mail.",
        production=False,
    )
    signup: str = setting_field(
        "MONYNHA_SIGNUP",
        setting_types.choice("on", "off", "invited"),
        "on",
        "Who may sign up: anybody, nobody (only admins create accounts), or only those who are invited.",
    )
    cors_origins: tuple[str, ...] = setting_field(
        "MONYNHA_CORS_ORIGINS",
        setting_types.origins,
        (),
        "Origins of other sites whose pages may call the API (in development also every localhost).",
    )
    trusted_proxies: tuple[str, ...] = setting_field(
        "MONYNHA_TRUSTED_PROXIES",
        setting_types.networks,
        (),
        "The proxies whose X-Forwarded-For header is trusted.",
    )
    limit_auth: Limit | None = setting_field(
        "MONYNHA_LIMIT_AUTH",
        setting_types.limit,
        Limit(5, 15 * _MINUTE),
        "Sign-in attempts per account and IP address; ten times as many per IP address alone.",
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
        "API requests per IP address when signed out (at most MONYNHA_LIMIT_API, if that is set).",
        production=Limit(100, 15 * _MINUTE),
    )
    limit_invitation: Limit | None = setting_field(
        "MONYNHA_LIMIT_INVITATION",
        setting_types.limit,
        Limit(30, _HOUR),
        "Addresses that a user may invite or add; off also lifts the limit on invitations of one address.",
    )
    limit_upload: Limit | None = setting_field(
        "MONYNHA_LIMIT_UPLOAD",
        setting_types.limit,
        Limit(10_000, _HOUR),
        "Uploads per user; a resumable upload counts as a single one.",
        production=Limit(200, _HOUR),
    )
    limit_public: Limit | None = setting_field(
        "MONYNHA_LIMIT_PUBLIC",
        setting_types.limit,
        Limit(100_000, _MINUTE),
        "Requests for public objects per IP address.",
        production=Limit(1_000, _MINUTE),
    )
    max_file_mb: int = setting_field(
        "MONYNHA_MAX_FILE_MB",
        setting_types.number(1, 1_000_000),
        1_024,
        "How many megabytes (of 1,048,576 bytes) a file may have.",
    )
    file_quota_mb: int = setting_field(
        "MONYNHA_FILE_QUOTA_MB",
        setting_types.number(1, 1_000_000_000),
        10_240,
        "How many megabytes the files of one workspace may have together.",
    )
    user_file_quota_mb: int = setting_field(
        "MONYNHA_USER_FILE_QUOTA_MB",
        setting_types.number(1, 1_000_000_000),
        20_480,
        "How many megabytes the files of a user may have together, in all workspaces.",
    )
    allowed_file_types: tuple[str, ...] = setting_field(
        "MONYNHA_ALLOWED_FILE_TYPES",
        setting_types.media_types,
        ("*",),
        "The media types of files that may be uploaded, recognized from their content.",
    )
    denied_file_types: tuple[str, ...] = setting_field(
        "MONYNHA_DENIED_FILE_TYPES",
        setting_types.media_types,
        ("application/x-msdownload", "application/x-executable"),
        "The media types of files that may not be uploaded, even where they are among the allowed ones.",
    )
    keep_originals: bool = setting_field(
        "MONYNHA_KEEP_ORIGINALS",
        setting_types.boolean,
        False,
        "Whether images are also kept as they were uploaded, for system admins, in the bucket `file-originals`.",
    )
    image_processes: int = setting_field(
        "MONYNHA_IMAGE_PROCESSES",
        setting_types.number(1, 64),
        1,
        "The number of processes that shrink images.",
    )
    image_max_megapixels: int = setting_field(
        "MONYNHA_IMAGE_MAX_MEGAPIXELS",
        setting_types.number(1, 2000),
        100,
        "How many million pixels an image may have to be processed, all its frames together.",
    )
    image_timeout_s: int = setting_field(
        "MONYNHA_IMAGE_TIMEOUT",
        setting_types.duration,
        20,
        "How much processor time one image may take.",
    )
    image_memory_mb: int = setting_field(
        "MONYNHA_IMAGE_MEMORY_MB",
        setting_types.number(256, 1_000_000),
        1500,
        "How many megabytes of address space a process that shrinks images may have.",
    )
    max_unsent_mb: int = setting_field(
        "MONYNHA_MAX_UNSENT_MB",
        setting_types.number(16, 65_536),
        256,
        "How many megabytes of responses and events may wait in one process for clients that read slowly;"
        " beyond, the slowest are disconnected.",
    )
    max_answer_characters: int = setting_field(
        "MONYNHA_MAX_ANSWER_CHARACTERS",
        setting_types.number(1_000_000, 999_999_999),
        128_000_000,
        "How many characters an answer may have by the declared lengths of its fields; a query above is not executed.",
    )
    max_answer_bytes: int = setting_field(
        "MONYNHA_MAX_ANSWER_BYTES",
        setting_types.number(1_000_000, 999_999_999),
        32_000_000,
        "How many bytes the rows of an answer may have; the database ends a query above.",
    )
    read_deadline_s: int = setting_field(
        "MONYNHA_READ_DEADLINE",
        setting_types.duration,
        10,
        "How long a read may take from its last byte on, before it is answered with 503.",
    )
    write_deadline_s: int = setting_field(
        "MONYNHA_WRITE_DEADLINE",
        setting_types.duration,
        15,
        "How long a write may take from its last byte on, before it is answered with 503.",
    )
    migrate: str = setting_field(
        "MONYNHA_MIGRATE",
        setting_types.choice("auto", "manual"),
        "",
        "Whether `serve` runs migrations (default: only for the embedded database).",
    )
    events_retention_days: int | None = setting_field(
        "MONYNHA_EVENTS_RETENTION_DAYS",
        setting_types.number(1, 36_500),
        None,
        "How many days of events are kept (default: all); a client that was away longer must reload.",
    )
    audit_retention_days: int = setting_field(
        "MONYNHA_AUDIT_RETENTION_DAYS",
        setting_types.number(1, 36_500),
        365,
        "How many days of the audit log are kept; the hashes that seal it are kept for good.",
    )
    job_concurrency: int = setting_field(
        "MONYNHA_JOB_CONCURRENCY",
        setting_types.number(1, 1_000),
        10,
        "How many background jobs a process of the service `worker` runs at once.",
    )
    job_retention_days: int = setting_field(
        "MONYNHA_JOB_RETENTION_DAYS",
        setting_types.number(0, 36_500),
        7,
        "How many days completed and cancelled jobs are kept.",
    )
    dead_job_retention_days: int = setting_field(
        "MONYNHA_DEAD_JOB_RETENTION_DAYS",
        setting_types.number(1, 36_500),
        90,
        "How many days jobs are kept that failed in all their attempts; until then they can be retried.",
    )
    postgres_bin: Path | None = setting_field(
        "MONYNHA_POSTGRES_BIN",
        setting_types.folder,
        None,
        "The folder with the programs postgres, initdb and pg_dump.",
    )
    valkey_bin: Path | None = setting_field(
        "MONYNHA_VALKEY_BIN",
        setting_types.folder,
        None,
        "The program valkey-server or redis-server, or its folder.",
    )

    oauth_providers: tuple[OAuthProviderSettings, ...] = ()
    """The providers that people may sign in with: settings of a family, not one of the catalogue."""

    @property
    def is_production(self) -> bool:
        """Whether the strict rules of production apply."""
        return self.app_env == "production"

    @property
    def limit_auth_address(self) -> Limit | None:
        """Sign-in attempts per IP address alone: wide enough for an office behind one address."""
        return self.limit_auth and Limit(10 * self.limit_auth.count, self.limit_auth.window_s)

    @property
    def server_urls(self) -> dict[str, str | None]:
        """The URLs of the data servers, which contain passwords, by the names of their settings."""
        return {
            "DATABASE_URL": self.database_url,
            "DATABASE_OWNER_URL": self.database_owner_url,
            "REDIS_URL": self.redis_url,
        }

    @property
    def mail_dir(self) -> Path:
        """Where mail is written while SMTP_URL is not set."""
        return self.data_dir / "mail"

    @classmethod
    def read(cls, environ: Mapping[str, str], dotenv_path: Path | None = None) -> Settings:
        """Read and check every setting; `environ` takes precedence over the `.env` file.

        Raises SettingsError with one line that names the setting.
        """
        texts = {**read_dotenv(dotenv_path), **environ}
        # An empty text counts as unset: that is what `REDIS_URL=` means in compose files.
        texts = {name: text.strip() for name, text in texts.items() if text.strip()}
        catalogue = cls.catalogue()
        names = {setting.name for setting in catalogue.values()}
        is_production = parse_setting(catalogue["app_env"], texts, is_production=False) == "production"
        oauth_providers, oauth_names = parse_oauth_providers(texts, names, is_production=is_production)
        refuse_unknown(texts, names | oauth_names)
        values = {
            field_name: parse_setting(setting, texts, is_production=is_production)
            for field_name, setting in catalogue.items()
        }
        declared = cls(**values, oauth_providers=oauth_providers)  # type: ignore[arg-type]  # each value was parsed by the type of its field
        settings = _with_derived_defaults(declared, frozenset(texts))
        _check_combinations(settings)
        return settings

    @classmethod
    def catalogue(cls) -> dict[str, Setting]:
        """Return every setting by the name of its field, in the order of the documentation."""
        inherited_names = {
            declared.name for declared in (*dataclasses.fields(SignInSettings), *dataclasses.fields(AccountSettings))
        }
        fields = sorted(dataclasses.fields(cls), key=lambda declared: declared.name in inherited_names)
        return {declared.name: declared.metadata["setting"] for declared in fields if "setting" in declared.metadata}

    @classmethod
    def documented(cls) -> tuple[Setting, ...]:
        """Return every setting, those of a family under the name of the family."""
        return (*cls.catalogue().values(), *OAUTH_PROVIDER_SETTINGS.values())

    def to_environment(self) -> dict[str, str]:
        """Return the texts from which `read` makes the same settings again, for another process.

        They contain the secrets.
        """
        texts = {}
        for field_name, setting in self.catalogue().items():
            value: object = getattr(self, field_name)
            if value is None and setting.value_type is setting_types.limit:
                texts[setting.name] = "off"
            elif not setting.missing_feature:
                texts[setting.name] = format_value(value)
        for provider in self.oauth_providers:
            texts |= provider.to_environment()
        return texts


def _with_derived_defaults(settings: Settings, given_names: frozenset[str]) -> Settings:
    """Return the settings with the defaults that follow from other settings."""
    api_limit, address_limit = settings.limit_api, settings.limit_api_address
    if "MONYNHA_LIMIT_API" in given_names and "MONYNHA_LIMIT_API_ADDRESS" not in given_names:
        address_limit = api_limit and min(
            api_limit, address_limit or api_limit, key=lambda limit: limit.count / limit.window_s
        )
    return dataclasses.replace(
        settings,
        data_dir=settings.data_dir.absolute(),
        limit_api_address=address_limit,
        site_url=settings.site_url or local_url(settings.host, settings.port),
        storage_url=settings.storage_url or (settings.data_dir.absolute() / "objects").as_uri(),
        migrate=settings.migrate or ("manual" if settings.database_url else "auto"),
        database_owner_url=settings.database_owner_url or settings.database_url,
    )


def local_url(host: str, port: int) -> str:
    """Return the URL at which a browser on this machine reaches a server that listens on `host` and `port`."""
    reachable_host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)
    if ":" in reachable_host and "[" not in reachable_host:
        reachable_host = f"[{reachable_host}]"
    return f"http://{reachable_host}:{port}"


def _check_combinations(settings: Settings) -> None:
    """Raise SettingsError for settings that are valid alone but not together."""
    check_account_settings(settings, is_production=settings.is_production)
    if settings.database_url and not settings.jwt_secret:
        raise SettingsError("JWT_SECRET: expected at least 32 characters, because DATABASE_URL is set")
    if not settings.database_url and settings.database_owner_url:
        raise SettingsError("DATABASE_OWNER_URL: set DATABASE_URL too, or neither")
    if settings.is_production and settings.jwt_secret and is_weak_key(settings.jwt_secret):
        raise SettingsError("JWT_SECRET: production requires a strong secret, such as `openssl rand -hex 32` prints")
    for name, url in settings.server_urls.items():
        if settings.is_production and has_weak_password(url):
            raise SettingsError(f"{name}: production requires a password that cannot be guessed")
    if settings.is_production and settings.signup == "invited" and settings.autoconfirm:
        raise SettingsError(
            "MONYNHA_SIGNUP: sign-up by invitation requires confirmed addresses; turn MONYNHA_AUTOCONFIRM off"
        )
    if settings.is_production and not settings.autoconfirm and not settings.smtp_url:
        raise SettingsError("SMTP_URL: production requires a mail server, unless MONYNHA_AUTOCONFIRM is on")
