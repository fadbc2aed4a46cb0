"""Stores the secrets that the program generates at the first start."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from monynha.core.errors import SettingsError
from monynha.infra.embedded.data_dir import ensure_directory


@dataclass(frozen=True, slots=True)
class GeneratedSecrets:
    """The secret that signs tokens, and the passwords of the embedded database."""

    jwt_secret: str
    superuser_password: str
    login_password: str

    def __repr__(self) -> str:
        return "Secrets(…)"


def load_or_create_secrets(
    data_dir: Path, generate: Callable[[], str] = lambda: secrets.token_hex(32)
) -> GeneratedSecrets:
    """Return the secrets of a data folder, generating them if there are none.

    Raises SettingsError if the file is damaged, or missing while the database exists.
    """
    path = data_dir / "secrets.json"
    try:
        if not path.exists():
            if (data_dir / "pg").exists():
                raise SettingsError(f"MONYNHA_DATA_DIR: {path} is missing; put it back to open the database there")
            ensure_directory(data_dir)
            _write_secrets(path, GeneratedSecrets(generate(), generate(), generate()))
        stored = json.loads(path.read_text(encoding="utf-8"))
        return GeneratedSecrets(**{field.name: str(stored[field.name]) for field in fields(GeneratedSecrets)})
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise SettingsError(f"MONYNHA_DATA_DIR: {path} is damaged; restore it from a copy") from error
    except OSError as error:
        raise SettingsError(f"MONYNHA_DATA_DIR: {path}: {error.strerror}") from error


def replace_jwt_secret(data_dir: Path, jwt_secret: str) -> None:
    """Replace the JWT secret of a data folder."""
    path = data_dir / "secrets.json"
    _write_secrets(path, replace(load_or_create_secrets(data_dir), jwt_secret=jwt_secret), overwrite=True)


def _write_secrets(path: Path, values: GeneratedSecrets, *, overwrite: bool = False) -> None:
    """Write the file atomically; without `overwrite`, keep a file that another process wrote first."""
    draft = path.with_name(f"secrets.{os.getpid()}.tmp")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(values), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            draft.replace(path)
        else:
            os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
