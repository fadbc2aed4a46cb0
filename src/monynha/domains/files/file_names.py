"""Names of files: as they are displayed, and as the last part of a path in the bucket."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote

MAX_NAME_LENGTH = 255
_DEFAULT_NAME = "file"
_UNSAFE_IN_PATHS = re.compile(r"[^A-Za-z0-9._-]+")
_MAX_PATH_LENGTH = 100
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,10}$")
_INVISIBLE_CATEGORIES = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
"""Controls, formats (among them what reverses the direction of text), surrogates, unassigned, line separators."""
_EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "image/png": (".png",),
    "image/webp": (".webp",),
}
"""The extensions of what images become; the first is given to a name that has another."""


def display_name(text: str | None) -> str:
    """Return the name of a file as it is shown: without folders, without invisible letters, at most 255 letters."""
    base_name = re.split(r"[/\\]", unicodedata.normalize("NFC", text or ""))[-1]
    visible = "".join(letter for letter in base_name if unicodedata.category(letter) not in _INVISIBLE_CATEGORIES)
    name = " ".join(visible.split())
    if not name.strip(". "):
        return _DEFAULT_NAME
    if len(name) > MAX_NAME_LENGTH:
        extension = _extension_of(name)
        name = name[: MAX_NAME_LENGTH - len(extension)].rstrip() + extension
    return name


def path_name(name: str, prefix: str) -> str:
    """Return the last part of a file's path: the prefix, which makes it unique, and what is harmless of the name."""
    extension = "" if name.startswith(".") else _extension_of(name)
    ascii_stem = unicodedata.normalize("NFKD", name.removesuffix(extension)).encode("ascii", "ignore").decode()
    stem = _UNSAFE_IN_PATHS.sub("-", ascii_stem).strip("-.")[:_MAX_PATH_LENGTH].rstrip("-.")
    return f"{prefix}-{stem or _DEFAULT_NAME}{extension}"


def download_name(name: str, content_type: str) -> str:
    """Return the name under which a file is saved: with another extension if processing has changed its type."""
    extensions = _EXTENSIONS.get(content_type)
    if extensions is None or name.lower().endswith(extensions):
        return name
    return name.removesuffix(_extension_of(name)) + extensions[0]


def content_disposition(name: str, *, is_attachment: bool) -> str:
    """Return the value of Content-Disposition (RFC 6266), with the name for old clients and as UTF-8."""
    kind = "attachment" if is_attachment else "inline"
    ascii_name = _UNSAFE_IN_PATHS.sub("_", name.encode("ascii", "replace").decode()) or _DEFAULT_NAME
    return f"{kind}; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"


def _extension_of(name: str) -> str:
    match = _EXTENSION.search(name)
    return match.group() if match else ""
