"""Redirect URIs: which may be registered, and that a requested one must be a registered one."""

from __future__ import annotations

import pytest

from monynha.domains.auth.oauth_server.redirect_uris import check_redirect_uri, is_registered, is_web_uri, with_query


@pytest.mark.parametrize(
    "uri",
    [
        "https://app.example",
        "https://app.example:8443/callback?tenant=7",
        "http://localhost/callback",
        "http://localhost:3000/callback",
        "http://127.0.0.1:3000/callback",
        "http://[::1]:3000/callback",
        "com.example.app:/callback",
        "com.example.app:///callback",
        "vscode://publisher.extension/callback",
        "cursor://anysphere.cursor-mcp/oauth/callback",
    ],
)
def test_addresses_that_reach_one_application_may_be_registered(uri: str) -> None:
    check_redirect_uri(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://",
        "https:///callback",
        "https:app.example",
        "/callback",
        "app.example/callback",
        "http://app.example/callback",
        "http://localhost.attacker.example/",
        "http://127.0.0.1.attacker.example/",
        "http://127.0.0.2/",
        "https://user@app.example/",
        "https://user:secret@app.example/",
        "https://app.example:99999/",
        "https://app.example:0/",
        "https://app.example/#fragment",
        "https://app.example/a b",
        "https://app.example\\@attacker.example/",
        "https://app.example/\r\nSet-Cookie: a=b",
        "https://app.example/é",
        "https://[::1]attacker.example/",
        "javascript:alert(1)",
        "JavaScript://app.example/%0aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "vbscript:x",
        "blob:https://app.example/1",
        "ws://app.example/",
        "about:blank",
        "myapp:callback",
        "https://app.example/" + "a" * 2000,
    ],
)
def test_addresses_that_are_dangerous_or_ambiguous_may_not(uri: str) -> None:
    with pytest.raises(ValueError, match=r"must|contains"):
        check_redirect_uri(uri)


def test_only_the_port_of_a_loopback_address_may_differ() -> None:
    registered = ("http://127.0.0.1:3000/callback?a=1", "http://[::1]/callback", "http://localhost:3000/callback")

    assert is_registered("http://127.0.0.1:50123/callback?a=1", registered)
    assert is_registered("http://127.0.0.1/callback?a=1", registered)
    assert is_registered("http://[::1]:50123/callback", registered)
    assert is_registered("http://localhost:3000/callback", registered)
    for other in (
        "http://127.0.0.1:50123/callback",
        "http://127.0.0.1:50123/callback?a=2",
        "https://127.0.0.1:3000/callback?a=1",
        "http://[::1]:50123/",
        "http://localhost:50123/callback",
        "http://127.0.0.1:50123@attacker.example/callback?a=1",
        "http://127.0.0.1:x/callback?a=1",
    ):
        assert not is_registered(other, registered)


def test_a_query_is_extended_and_nothing_else_changes() -> None:
    assert with_query("https://a.example/b", {"code": "1"}) == "https://a.example/b?code=1"
    assert with_query("https://a.example/b?x=%20y&code=old", {"code": "n&w"}) == "https://a.example/b?x=%20y&code=n%26w"
    assert with_query("com.example:///b", {"code": "1"}) == "com.example:///b?code=1"


def test_an_https_address_belongs_to_whoever_has_the_domain() -> None:
    uris = ("https://a.example/b", "http://127.0.0.1/b", "com.example:/b")

    assert [is_web_uri(uri) for uri in uris] == [True, False, False]
