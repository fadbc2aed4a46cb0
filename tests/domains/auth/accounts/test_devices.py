"""Devices: user agents as people know them, the same after every update of a browser, and never their own text."""

from __future__ import annotations

import time

import pytest

from monynha.domains.auth.accounts.devices import network_of, parse_device

MOZILLA = "Mozilla/5.0"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
IOS_WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"


@pytest.mark.parametrize(("user_agent", "label"), [
    (f"{MOZILLA} (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
    (f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/142.0.0.0 Safari/537.36", "Chrome on Windows"),
    (f"{MOZILLA} (Windows NT 10.0) {WEBKIT} Chrome/142.0.0.0 Safari/537.36 Edg/142.0.3595.0", "Edge on Windows"),
    (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/142.0 Safari/537.36 OPR/124.0", "Opera on macOS"),
    (f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {IOS_WEBKIT} Version/26.1 Safari/605.1.15", "Safari on macOS"),
    (f"{MOZILLA} (iPhone; CPU iPhone OS 18_7 like Mac OS X) {IOS_WEBKIT} Version/26.1 Mobile/15E Safari/604.1",
     "Safari on iPhone"),
    (f"{MOZILLA} (iPhone; CPU iPhone OS 18_7 like Mac OS X) {IOS_WEBKIT} CriOS/142.0 Mobile/15E Safari/604.1",
     "Chrome on iPhone"),
    (f"{MOZILLA} (iPad; CPU OS 18_7 like Mac OS X) {IOS_WEBKIT} FxiOS/145.0 Safari/605.1", "Firefox on iPad"),
    (f"{MOZILLA} (Linux; Android 15; Pixel 9) {WEBKIT} Chrome/142.0.0.0 Mobile Safari/537.36", "Chrome on Android"),
    (f"{MOZILLA} (Linux; Android 15) {WEBKIT} SamsungBrowser/29.0 Chrome/136.0 Safari/537.36",
     "Samsung Internet on Android"),
    (f"{MOZILLA} (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/142.0.0.0 Safari/537.36", "Chrome on ChromeOS"),
    (f"{MOZILLA} (X11; Linux x86_64) {WEBKIT} HeadlessChrome/142.0.0.0 Safari/537.36", "Chrome on Linux"),
    ("python-httpx/0.28.1", "Python"),
    ("curl/8.14.1", "curl"),
    ("node", "JavaScript"),
    ("Dart/3.9 (dart:io)", "Flutter app"),
    ("okhttp/5.1.0", "Android app"),
    ("Board/12 CFNetwork/3826.500 Darwin/24.5.0", "Apple app on macOS"),
    ("<b>Your bank</b> https://evil.example", "Unknown device"),
    ("", "Unknown device"),
])  # fmt: skip
def test_a_device_is_what_people_call_it(user_agent: str, label: str) -> None:
    assert parse_device(user_agent).label == label


def test_a_newer_version_is_the_same_device() -> None:
    older, newer = (
        parse_device(f"{MOZILLA} (X11; Linux x86_64; rv:{version}.0) Gecko/20100101 Firefox/{version}.0")
        for version in (98, 145)
    )

    assert older == newer


@pytest.mark.parametrize("text", ["Version/1 " * 5_000, "Mac OS X" * 5_000, "A" * 200_000, "\x00\ud800é" * 1000])
def test_a_hostile_user_agent_takes_no_time(text: str) -> None:
    started_at = time.perf_counter()
    label = parse_device(text).label

    assert time.perf_counter() - started_at < 0.1
    assert len(label) < 100


@pytest.mark.parametrize(("ip", "network"), [
    ("203.0.113.7", "203.0.0.0/16"),
    ("203.0.250.1", "203.0.0.0/16"),
    ("::ffff:203.0.113.7", "203.0.0.0/16"),
    ("2001:db8:1:2::3", "2001:db8::/32"),
    ("fe80::1%eth0", "fe80::/32"),
    ("", ""),
    ("unix", ""),
])  # fmt: skip
def test_a_network_is_where_a_device_stays_at_home(ip: str, network: str) -> None:
    assert network_of(ip) == network
