"""The types of settings: what a text must look like, how it becomes a value, and how a value becomes text."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
_SECONDS_BY_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class SettingType(Generic[T_co]):
    """The type of a setting: `parse` raises ValueError for a text that is not what `expects` describes."""

    expects: str
    parse: Callable[[str], T_co]
    is_secret: bool = False  # the text may contain a password, so no message repeats it


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate limit: at most `count` times within `window_s` seconds."""

    count: int
    window_s: int

    def __str__(self) -> str:
        return f"{self.count}/{_format_duration(self.window_s)}"


def choice(*words: str) -> SettingType[str]:
    """Accept one of the words, in upper or lower case."""

    def parse(text: str) -> str:
        return words[[word.lower() for word in words].index(text.lower())]

    return SettingType(" or ".join(words), parse)


def number(min_value: int, max_value: int) -> SettingType[int]:
    """Accept a whole number between two bounds, both included."""

    def parse(text: str) -> int:
        # int() alone also accepts "1_000", " 7" and digits of other scripts.
        if not re.fullmatch(r"[0-9]{1,9}", text) or not min_value <= int(text) <= max_value:
            raise ValueError(text)
        return int(text)

    return SettingType(f"a whole number from {min_value} to {max_value}", parse)


def secret(min_length: int) -> SettingType[str]:
    """Accept a text of at least `min_length` characters, which no message repeats."""

    def parse(text: str) -> str:
        if len(text) < min_length:
            raise ValueError
        return text

    return SettingType(f"at least {min_length} characters", parse, is_secret=True)


def url(*schemes: str, path_only: bool = False) -> SettingType[str]:
    """Accept a URL with one of the schemes; with `path_only` it need not name a host."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        is_local = path_only or parts.scheme in ("file", "unix") or "host=" in parts.query
        if parts.scheme not in schemes or not (parts.netloc or is_local):
            raise ValueError
        if "," not in parts.netloc:
            _ = parts.port  # raises ValueError for a port that is no number
        return text

    return SettingType("a URL like " + " or ".join(f"{scheme}://…" for scheme in schemes), parse, is_secret=True)


def parse_site_url(text: str) -> str:
    """Return the URL of a web site without its trailing slash."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    _ = parts.port  # raises ValueError for a port that is no number
    return text.rstrip("/")


def parse_origin(text: str) -> str:
    """Return an origin in the form in which browsers send it as `Origin` (RFC 6454), or `*`."""
    parts = urlsplit(text)
    origin_part = f"{parts.scheme}://{parts.netloc}"
    if text != "*" and (parts.scheme not in ("http", "https") or not parts.hostname or origin_part != text.rstrip("/")):
        raise ValueError
    return text.rstrip("/").lower()


def parse_network(text: str) -> str:
    """Return an IP address or network in the form 10.0.0.0/8."""
    return str(ipaddress.ip_network(text, strict=False))


def parse_list(text: str, parse_item: Callable[[str], str]) -> tuple[str, ...]:
    """Parse each item of a comma-separated list."""
    return tuple(parse_item(item.strip()) for item in text.split(",") if item.strip())


def format_value(value: object) -> str:
    """Return the text that parses to `value`, or an empty text where a setting without a value is unset."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, frozenset):
        return ",".join(sorted(value))
    if isinstance(value, tuple):
        return ",".join(value)
    return "" if value is None else str(value)


def _parse_boolean(text: str) -> bool:
    values_by_word = {"on": True, "true": True, "yes": True, "1": True}
    values_by_word |= {"off": False, "false": False, "no": False, "0": False}
    try:
        return values_by_word[text.lower()]
    except KeyError:
        raise ValueError from None


def _parse_duration(text: str) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,8})\s*([smhd]?)", text)
    if not match:
        raise ValueError
    return int(match[1]) * _SECONDS_BY_UNIT[match[2] or "s"]


def _format_duration(seconds: int) -> str:
    unit = next(unit for unit in "dhms" if seconds % _SECONDS_BY_UNIT[unit] == 0)
    return f"{seconds // _SECONDS_BY_UNIT[unit]}{unit}"


def _parse_limit(text: str) -> Limit | None:
    if text.lower() == "off":
        return None
    match = re.fullmatch(r"([1-9][0-9]{0,8})/(\S+)", text)
    if not match:
        raise ValueError
    return Limit(int(match[1]), _parse_duration(match[2] if match[2][0].isdigit() else f"1{match[2]}"))


def _parse_path(text: str) -> Path:
    if "\0" in text:
        raise ValueError
    return Path(text).expanduser().absolute()


def _parse_line(text: str) -> str:
    if any(character in text for character in "\0\r\n"):
        raise ValueError
    return text


def _parse_media_type(text: str) -> str:
    if not re.fullmatch(r"\*|[a-z0-9.+-]+/(\*|[a-z0-9.+-]+)", text.lower()):
        raise ValueError
    return text.lower()


def is_tls_or_local(url: str) -> bool:
    """Whether nobody on the way to an http(s) URL can read or change what is sent: by TLS, or on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in _LOOPBACK_HOSTS


boolean = SettingType("on or off", _parse_boolean)
duration = SettingType("a time such as 3600, 15m or 1h", _parse_duration)
limit = SettingType("a limit such as 5/15m, or off", _parse_limit)
folder = SettingType("a folder", _parse_path)
file = SettingType("a file", _parse_path)
one_line = SettingType("one line of text", _parse_line)
site_url = SettingType("a URL like https://example.org", parse_site_url)
origins = SettingType("origins such as https://app.example.org, or *", lambda text: parse_list(text, parse_origin))
issuers = SettingType("issuers of tokens, separated by commas", lambda text: parse_list(text, _parse_line))
networks = SettingType("IP addresses or networks such as 10.0.0.0/8", lambda text: parse_list(text, parse_network))
media_types = SettingType("media types such as image/*, or *", lambda text: parse_list(text, _parse_media_type))
