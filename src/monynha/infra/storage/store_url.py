"""STORAGE_URL: what each URL names, and the store that it opens.

    file:///var/lib/monynha/objects
    s3://bucket/prefix?region=eu-west-1&endpoint=http://127.0.0.1:9000
    gs://bucket/prefix
    az://container/prefix?account=name

A key and its secret may be the user and password of an `s3://` URL; without them, and for the other clouds, the
variables and files are read that the cloud's own tools read (AWS_ACCESS_KEY_ID, GOOGLE_APPLICATION_CREDENTIALS,
AZURE_STORAGE_ACCOUNT_KEY).
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from monynha.core.errors import SettingsError
from monynha.infra.storage.object_store import ObjectStore

_QUERY_NAMES = {"s3": {"region", "endpoint"}, "gs": set[str](), "az": {"account", "endpoint"}, "file": set[str]()}


def open_store(url: str) -> ObjectStore:
    """Return the store of a STORAGE_URL; raise SettingsError if it names none, or a folder that is not writable."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if unknown := sorted(query.keys() - _QUERY_NAMES.get(parts.scheme, set())):
        raise SettingsError(f"STORAGE_URL: there is no option {unknown[0]!r} for {parts.scheme}://")
    if parts.scheme == "file":
        return _open_folder(parts)
    if not parts.hostname:
        raise SettingsError("STORAGE_URL: expected the name of a bucket after the scheme")
    return _open_bucket(parts, query)


def _open_folder(parts: SplitResult) -> ObjectStore:
    from monynha.infra.storage.local_store import LocalStore  # not imported where a cloud stores the bodies

    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise SettingsError("STORAGE_URL: expected an absolute path, as in file:///var/lib/monynha/objects")
    folder = Path(unquote(parts.path))
    try:
        return LocalStore.open(folder)
    except OSError as error:
        raise SettingsError(f"STORAGE_URL: {folder} cannot be written ({error.strerror})") from None


def _open_bucket(parts: SplitResult, query: dict[str, str]) -> ObjectStore:
    from monynha.infra.storage.cloud_store import CloudStore  # 15 MB, which a local folder does not need

    try:
        return CloudStore.open(
            parts.scheme,
            parts.hostname or "",
            unquote(parts.path.strip("/")),
            access_key=unquote(parts.username or ""),
            secret_key=unquote(parts.password or ""),
            options=query,
        )
    except Exception as error:
        # The library's message may quote the options, secrets among them.
        raise SettingsError(f"STORAGE_URL: the bucket cannot be opened ({type(error).__name__})") from None
