"""Devices: what a user agent says about the browser and the system, in the few words that people recognise.

Versions are left out, so that an update of a browser does not make another device of it. Nothing of the header is
repeated: whoever signs in could otherwise write a text of their own into a list or a mail.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

_MAX_LENGTH = 1000
_NETWORK_BITS = {4: 16, 6: 32}
"""How much of an address stays when a provider gives somebody another one, by the version of IP."""
# The first that matches wins: most browsers name those before them too (RFC 9110 section 10.1.5).
_BROWSERS = (
    (re.compile(r"\bEdg(e|A|iOS)?/"), "Edge"),
    (re.compile(r"\b(OPR|Opera|OPiOS|OPT)/"), "Opera"),
    (re.compile(r"\bSamsungBrowser/"), "Samsung Internet"),
    (re.compile(r"\bVivaldi/"), "Vivaldi"),
    (re.compile(r"\bYaBrowser/"), "Yandex Browser"),
    (re.compile(r"\bDuckDuckGo/|\bDdg/"), "DuckDuckGo"),
    (re.compile(r"\bElectron/"), "Desktop app"),
    (re.compile(r"\b(Firefox|FxiOS)/"), "Firefox"),
    (re.compile(r"\b(HeadlessChrome|Chrome|CriOS|Chromium)/"), "Chrome"),
    (re.compile(r"\bVersion/[\d.]+.* Safari/"), "Safari"),
    (re.compile(r"\bcurl/", re.IGNORECASE), "curl"),
    (re.compile(r"\b(python|httpx|aiohttp|gotrue-py)\b", re.IGNORECASE), "Python"),
    (re.compile(r"\b(node|undici|axios|gotrue-js|deno|bun)\b", re.IGNORECASE), "JavaScript"),
    (re.compile(r"\bDart/"), "Flutter app"),
    (re.compile(r"\bokhttp/|\bDalvik/"), "Android app"),
    (re.compile(r"\bCFNetwork/"), "Apple app"),
    (re.compile(r"\bGo-http-client/"), "Go"),
)
_SYSTEMS = (
    (re.compile(r"\biPhone\b|\biPod\b"), "iPhone"),
    (re.compile(r"\biPad\b"), "iPad"),
    (re.compile(r"\bAndroid\b"), "Android"),
    (re.compile(r"\bCrOS\b"), "ChromeOS"),
    (re.compile(r"\bWindows\b"), "Windows"),
    (re.compile(r"\bMac OS X\b|\bMacintosh\b|\bDarwin\b"), "macOS"),
    (re.compile(r"\bLinux\b|\bX11\b"), "Linux"),
)
UNKNOWN_DEVICE = "Unknown device"


@dataclass(frozen=True, slots=True)
class Device:
    """A browser or program, and the system it runs on; None for what the user agent does not tell."""

    browser: str | None
    system: str | None

    @property
    def label(self) -> str:
        """What people are shown: `Firefox on Linux`."""
        if self.browser and self.system:
            return f"{self.browser} on {self.system}"
        return self.browser or self.system or UNKNOWN_DEVICE


@lru_cache(2000)
def parse_device(user_agent: str) -> Device:
    """Return the device of a user agent."""
    text = user_agent[:_MAX_LENGTH]
    return Device(_first_match(_BROWSERS, text), _first_match(_SYSTEMS, text))


def network_of(ip: str) -> str:
    """Return the network of an IP address in which a device stays at home; empty for what is no address."""
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(ip_network((address, _NETWORK_BITS[address.version]), strict=False))


def _first_match(patterns: tuple[tuple[re.Pattern[str], str], ...], text: str) -> str | None:
    return next((name for pattern, name in patterns if pattern.search(text)), None)
