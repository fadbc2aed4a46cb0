"""What claims say about a person."""

from __future__ import annotations

import pytest

from monynha.domains.auth.providers.profiles import (
    is_email_verified,
    metadata_from_profile,
    profile_from_claims,
    with_apple_name,
)


def test_profile_has_the_claims_that_clients_look_for() -> None:
    claims = {
        "iss": "https://login.example.org",
        "sub": "1",
        "email": "Ada@Example.com",
        "email_verified": True,
        "name": " Ada\x00 ",
        "picture": "https://a.example/ada.png",
        "hd": "example.com",
        "tid": ["x"],
        "exp": 1,
    }

    profile = profile_from_claims(claims, is_email_verified, ("hd", "tid"))

    assert profile.claims == {
        "iss": "https://login.example.org",
        "sub": "1",
        "provider_id": "1",
        "name": "Ada",
        "full_name": "Ada",
        "picture": "https://a.example/ada.png",
        "avatar_url": "https://a.example/ada.png",
        "email": "ada@example.com",
        "email_verified": True,
        "phone_verified": False,
        "custom_claims": {"hd": "example.com"},
    }


@pytest.mark.parametrize("value", [False, "false", "True", 1, 0, None, [True], {"x": True}])
def test_only_true_is_verified(value: object) -> None:
    profile = profile_from_claims({"sub": "1", "email": "a@b.example", "email_verified": value}, is_email_verified)

    assert profile.is_email_verified is False
    assert profile.claims["email_verified"] is False


@pytest.mark.parametrize("email", ["", "x", "a@", 7, None, "a@b.example\x00", "a@b.example\r\nBcc: c@d.example"])
def test_what_is_no_address_is_neither_kept_nor_verified(email: object) -> None:
    profile = profile_from_claims({"sub": "1", "email": email, "email_verified": True}, is_email_verified)

    assert (profile.email, profile.is_email_verified, profile.claims["email"]) == (None, False, "")


def test_metadata_keeps_what_matters_within_its_size() -> None:
    long = "\N{GRINNING FACE}" * 255
    profile = profile_from_claims(
        {"sub": long, "email": "a@b.example", "name": long, "preferred_username": long, "picture": "https://a.example"},
        is_email_verified,
    )

    metadata = metadata_from_profile(profile)

    assert {"sub", "email", "email_verified", "phone_verified"} <= metadata.keys()
    assert metadata["email"] == "a@b.example"
    assert "user_name" not in metadata


def test_apple_tells_the_name_and_nothing_else_through_the_browser() -> None:
    user_json = '{"name":{"firstName":" Ada ","lastName":"Lovelace"},"email":"b@c.example","sub":"2"}'

    assert with_apple_name({"sub": "1"}, user_json) == {"sub": "1", "name": "Ada Lovelace"}
