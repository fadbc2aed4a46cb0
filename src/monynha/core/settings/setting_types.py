"""How the text of a setting becomes a value, and what is said when it cannot."""

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

_SECONDS_BY_UNIT = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class SettingType(Generic[T_co]):
    """What a setting takes: `parse` raises ValueError for a text that is not `expects`."""

    expects: str
    parse: Callable[[str], T_co]
    is_secret: bool = False  # the text may hold a password, so an error never repeats it


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` times within `window_s` seconds."""

    count: int
    window_s: int

    def __str__(self) -> str:
        return f"{self.count}/{_format_duration(self.window_s)}"


def choice(*words: str) -> SettingType[str]:
    """Take one of the words, in any case."""

    def parse(text: str) -> str:
        return words[words.index(text.lower())]

    return SettingType(" or ".join(words), parse)


def number(min_value: int, max_value: int) -> SettingType[int]:
    """Take a whole number between two bounds."""

    def parse(text: str) -> int:
        # int() alone also takes "1_000", " 7" and digits of other scripts.
        if not re.fullmatch(r"[0-9]{1,9}", text) or not min_value <= int(text) <= max_value:
            raise ValueError(text)
        return int(text)

    return SettingType(f"a whole number from {min_value} to {max_value}", parse)


def secret(min_length: int) -> SettingType[str]:
    """Take a text of at least so many characters, never shown."""

    def parse(text: str) -> str:
        if len(text) < min_length:
            raise ValueError
        return text

    return SettingType(f"at least {min_length} characters", parse, is_secret=True)


def url(*schemes: str, path_only: bool = False) -> SettingType[str]:
    """Take an address with one of the schemes; `path_only` ones name no host."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        is_local = path_only or parts.scheme in ("file", "unix") or "host=" in parts.query
        if parts.scheme not in schemes or not (parts.netloc or is_local):
            raise ValueError
        if "," not in parts.netloc:
            _ = parts.port  # raises for a port that is no number
        return text

    return SettingType("an address like " + " or ".join(f"{scheme}://…" for scheme in schemes), parse, is_secret=True)


def parse_site_url(text: str) -> str:
    """Take the address of a web site, without the slash at its end."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    _ = parts.port
    return text.rstrip("/")


def parse_origin(text: str) -> str:
    """Take what a browser sends as `Origin`, or `*`."""
    parts = urlsplit(text)
    origin_part = f"{parts.scheme}://{parts.netloc}"
    if text != "*" and (parts.scheme not in ("http", "https") or not parts.hostname or origin_part != text.rstrip("/")):
        raise ValueError
    return text.rstrip("/").lower()


def parse_network(text: str) -> str:
    """Take an IP address or a network such as 10.0.0.0/8."""
    return str(ipaddress.ip_network(text, strict=False))


def parse_list(text: str, parse_item: Callable[[str], str]) -> tuple[str, ...]:
    """Parse each item of a list with commas between."""
    return tuple(parse_item(item.strip()) for item in text.split(",") if item.strip())


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


def _parse_folder(text: str) -> Path:
    if "\0" in text:
        raise ValueError
    return Path(text).expanduser().absolute()


def _parse_line(text: str) -> str:
    if any(character in text for character in "\0\r\n"):
        raise ValueError
    return text


boolean = SettingType("on or off", _parse_boolean)
duration = SettingType("a time such as 3600, 15m or 1h", _parse_duration)
limit = SettingType("a limit such as 5/15m, or off", _parse_limit)
folder = SettingType("a folder", _parse_folder)
one_line = SettingType("a text of one line", _parse_line)
site_url = SettingType("an address like https://example.org", parse_site_url)
origins = SettingType("origins such as https://app.example.org, or *", lambda text: parse_list(text, parse_origin))
networks = SettingType("addresses or networks such as 10.0.0.0/8", lambda text: parse_list(text, parse_network))
