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

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True)
class Kind(Generic[T_co]):
    """What a setting takes: `parse` raises ValueError for a text that is not `expects`."""

    expects: str
    parse: Callable[[str], T_co]
    hidden: bool = False  # the text may hold a password, so an error never repeats it


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` times within `window_s` seconds."""

    count: int
    window_s: int

    def __str__(self) -> str:
        return f"{self.count}/{_as_duration(self.window_s)}"


def choice(*words: str) -> Kind[str]:
    """Take one of the words, in any case."""

    def parse(text: str) -> str:
        return words[words.index(text.lower())]

    return Kind(" or ".join(words), parse)


def number(least: int, most: int) -> Kind[int]:
    """Take a whole number between two bounds."""

    def parse(text: str) -> int:
        # int() alone also takes "1_000", " 7" and digits of other scripts.
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(text)
        return int(text)

    return Kind(f"a whole number from {least} to {most}", parse)


def secret(least: int) -> Kind[str]:
    """Take a text of at least so many characters, never shown."""

    def parse(text: str) -> str:
        if len(text) < least:
            raise ValueError
        return text

    return Kind(f"at least {least} characters", parse, hidden=True)


def url(*schemes: str, path_only: bool = False) -> Kind[str]:
    """Take an address with one of the schemes; `path_only` ones name no host."""

    def parse(text: str) -> str:
        parts = urlsplit(text)
        is_local = path_only or parts.scheme in ("file", "unix") or "host=" in parts.query
        if parts.scheme not in schemes or not (parts.netloc or is_local):
            raise ValueError
        if "," not in parts.netloc:
            _ = parts.port  # raises for a port that is no number
        return text

    return Kind("an address like " + " or ".join(f"{scheme}://…" for scheme in schemes), parse, hidden=True)


def site(text: str) -> str:
    """Take the address of a web site, without the slash at its end."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError
    _ = parts.port
    return text.rstrip("/")


def origin(text: str) -> str:
    """Take what a browser sends as `Origin`, or `*`."""
    parts = urlsplit(text)
    bare = f"{parts.scheme}://{parts.netloc}"
    if text != "*" and (
        parts.scheme not in ("http", "https") or not parts.hostname or bare != text.rstrip("/")
    ):
        raise ValueError
    return text.rstrip("/").lower()


def network(text: str) -> str:
    """Take an IP address or a network such as 10.0.0.0/8."""
    return str(ipaddress.ip_network(text, strict=False))


def items(text: str, parse: Callable[[str], str]) -> tuple[str, ...]:
    """Parse each item of a list with commas between."""
    return tuple(parse(item.strip()) for item in text.split(",") if item.strip())


def _boolean(text: str) -> bool:
    words = {"on": True, "true": True, "yes": True, "1": True}
    words |= {"off": False, "false": False, "no": False, "0": False}
    try:
        return words[text.lower()]
    except KeyError:
        raise ValueError from None


def _duration(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,8})\s*([smhd]?)", text)
    if not found:
        raise ValueError
    return int(found[1]) * _SECONDS[found[2] or "s"]


def _as_duration(seconds: int) -> str:
    unit = next(unit for unit in "dhms" if seconds % _SECONDS[unit] == 0)
    return f"{seconds // _SECONDS[unit]}{unit}"


def _limit(text: str) -> Limit | None:
    if text.lower() == "off":
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,8})/(\S+)", text)
    if not found:
        raise ValueError
    return Limit(int(found[1]), _duration(found[2] if found[2][0].isdigit() else f"1{found[2]}"))


def _folder(text: str) -> Path:
    if "\0" in text:
        raise ValueError
    return Path(text).expanduser().absolute()


def _text(text: str) -> str:
    if any(character in text for character in "\0\r\n"):
        raise ValueError
    return text


boolean = Kind("on or off", _boolean)
duration = Kind("a time such as 3600, 15m or 1h", _duration)
limit = Kind("a limit such as 5/15m, or off", _limit)
folder = Kind("a folder", _folder)
one_line = Kind("a text of one line", _text)
web_site = Kind("an address like https://example.org", site)
origins = Kind("origins such as https://app.example.org, or *", lambda text: items(text, origin))
networks = Kind("addresses or networks such as 10.0.0.0/8", lambda text: items(text, network))
