"""The documents about the server: what they name follows from what is on."""

from __future__ import annotations

from monynha.domains.auth.oauth_server.metadata import Metadata


def metadata(*, is_enabled: bool = True, allows_registration: bool = False) -> Metadata:
    return Metadata(
        issuer="https://a.example/auth/v1",
        site_url="https://a.example",
        is_enabled=is_enabled,
        allows_registration=allows_registration,
        id_token_algorithms=("ES256",),
    )


def test_registration_is_named_where_it_is_on() -> None:
    on, off = (metadata(allows_registration=allows).authorization_server() for allows in (True, False))

    assert on["registration_endpoint"] == "https://a.example/auth/v1/oauth/clients/register"
    assert on.keys() - off.keys() == {"registration_endpoint"}


def test_a_server_that_is_off_names_no_endpoint_and_challenges_nobody() -> None:
    document = metadata(is_enabled=False).openid_configuration()

    assert [name for name in document if name.endswith("_endpoint")] == []
    assert (document["response_types_supported"], metadata(is_enabled=False).bearer_challenges()) == ([], {})
    assert document["id_token_signing_alg_values_supported"] == ["ES256"]


def test_a_refusal_names_the_document_of_what_was_asked_for() -> None:
    url = "https://a.example/.well-known/oauth-protected-resource"

    assert metadata().bearer_challenges() == {
        "/api/v1": f'Bearer resource_metadata="{url}/api/v1"'.encode(),
        "/graphql": f'Bearer resource_metadata="{url}/graphql"'.encode(),
    }
