"""Keys derived from the secret, and hashes of tokens."""

from __future__ import annotations

from monynha.core.hashes import derive_key, hash_token


def test_each_purpose_and_each_secret_has_a_key_of_its_own() -> None:
    keys = {derive_key(secret, purpose) for secret in ("one secret", "another") for purpose in (b"a", b"b")}

    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
    assert derive_key("one secret", b"a") in keys


def test_any_text_that_a_client_sends_has_a_hash() -> None:
    assert hash_token("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(hash_token("\ud800")) == 64
