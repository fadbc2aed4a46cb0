"""The secrets the program makes for itself at the first start."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from monynha.core.errors import WrongSetting
from monynha.infra.embedded.folder import prepare


@dataclass(frozen=True, slots=True)
class Secrets:
    """What signs tokens and what opens the embedded database."""

    jwt_secret: str
    superuser_password: str
    login_password: str

    def __repr__(self) -> str:
        return "Secrets(…)"


def open_secrets(data_dir: Path, draw: Callable[[], str] = lambda: secrets.token_hex(32)) -> Secrets:
    """Read the secrets of this data folder, and make them where there are none yet."""
    path = data_dir / "secrets.json"
    try:
        if not path.exists():
            if (data_dir / "pg").exists():
                raise WrongSetting(
                    f"MONYNHA_DATA_DIR: {path} is missing, put it back to open the database there"
                )
            prepare(data_dir)
            _write(path, Secrets(draw(), draw(), draw()))
        found = json.loads(path.read_text(encoding="utf-8"))
        return Secrets(**{field.name: str(found[field.name]) for field in fields(Secrets)})
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as cause:
        raise WrongSetting(f"MONYNHA_DATA_DIR: {path} is damaged, put a sound copy back") from cause
    except OSError as cause:
        raise WrongSetting(f"MONYNHA_DATA_DIR: {path}: {cause.strerror}") from cause


def keep_jwt_secret(data_dir: Path, jwt_secret: str) -> None:
    """Sign tokens with this secret from now on."""
    path = data_dir / "secrets.json"
    _write(path, replace(open_secrets(data_dir), jwt_secret=jwt_secret), over=True)


def _write(path: Path, made: Secrets, *, over: bool = False) -> None:
    """Write all or nothing; unless told otherwise, leave the file of a start that was faster than ours."""
    draft = path.with_name(f"secrets.{os.getpid()}.tmp")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(asdict(made), stream, indent=2)
            stream.flush()
            os.fsync(stream.fileno())
        if over:
            draft.replace(path)
        else:
            os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
