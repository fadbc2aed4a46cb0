"""Client metadata: defaults, what a client may change of itself, and what it may never have."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monynha.domains.auth.oauth_server.clients import DYNAMIC, MANUAL
from monynha.domains.auth.oauth_server.errors import ClientMetadataError
from monynha.domains.auth.oauth_server.registration import ClientMetadata

NOW = datetime(2026, 11, 27, tzinfo=UTC)
URI = "https://app.example/callback"


def parse(registration_type: str = MANUAL, **values: Any) -> ClientMetadata:
    return ClientMetadata.parse({"redirect_uris": [URI], **values}, registration_type)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ("confidential", "client_secret_basic", "hash")),
        ({"client_type": "public"}, ("public", "none", None)),
        ({"token_endpoint_auth_method": "none"}, ("public", "none", None)),
        ({"token_endpoint_auth_method": "client_secret_post"}, ("confidential", "client_secret_post", "hash")),
        ({"client_type": "", "token_endpoint_auth_method": ""}, ("confidential", "client_secret_basic", "hash")),
    ],
)
def test_the_type_of_a_client_follows_from_how_it_authenticates(
    values: dict[str, str], expected: tuple[str, ...]
) -> None:
    client = parse(**values).new_client(MANUAL, "hash", NOW)

    assert (client.client_type, client.token_endpoint_auth_method, client.secret_hash) == expected


def test_a_client_that_registers_itself_gets_neither_admin_nor_a_switch() -> None:
    client = parse(DYNAMIC, scope="admin read", enabled=False).new_client(DYNAMIC, "hash", NOW)
    only_admin = parse(DYNAMIC, scope="admin").new_client(DYNAMIC, "hash", NOW)

    assert (client.scopes, client.is_enabled) == (("read",), True)
    assert only_admin.scopes == ()


def test_only_what_was_sent_changes() -> None:
    client = parse(client_name="Reports", scope="read").new_client(MANUAL, "hash", NOW)
    later = NOW + timedelta(seconds=1)

    changed = ClientMetadata.parse({"client_name": " Charts ", "enabled": False}, MANUAL).changed(client, later)

    assert (changed.name, changed.is_enabled, changed.scopes) == ("Charts", False, ("read",))
    assert (changed.redirect_uris, changed.updated_at) == ((URI,), later)
    assert ClientMetadata.parse({"client_type": "public", "unknown": 1}, MANUAL).is_empty
    with pytest.raises(ClientMetadataError, match="token_endpoint_auth_method must be"):
        ClientMetadata.parse({"token_endpoint_auth_method": "none"}, MANUAL).changed(client, later)


@pytest.mark.parametrize("name", ["Sa\u202efe", "two\nlines", "null\x00", "zero\u200bwidth"])
def test_a_name_hides_nothing(name: str) -> None:
    with pytest.raises(ClientMetadataError, match="client_name contains"):
        parse(client_name=name)


def test_redirect_uris_are_required_and_repeated_ones_count_once() -> None:
    assert parse(redirect_uris=[URI] * 12).redirect_uris == (URI,)
    with pytest.raises(ClientMetadataError, match="redirect_uris is required"):
        ClientMetadata.parse({}, MANUAL).new_client(MANUAL, "hash", NOW)
