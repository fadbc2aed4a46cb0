"""The actor of verified claims, within their limits."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from monynha.core.actor import ActorKind
from monynha.core.errors import UnauthenticatedError
from monynha.domains.auth.tokens.token_actors import actor_of_claims, actor_of_foreign_claims

SUB, PROJECT = str(uuid4()), str(uuid4())
CLAIMS: dict[str, Any] = {"sub": SUB, "role": "authenticated", "aud": "authenticated", "exp": 1, "email": "a@b.example"}
ADMIN = {"app_metadata": {"role": "admin"}}


def test_claims_without_limits_go_to_the_database_as_they_are() -> None:
    for claims in (CLAIMS, {**CLAIMS, "user_metadata": {"scopes": ["read"]}}, {**CLAIMS, "scopes": None}):
        actor = actor_of_claims(claims, is_issuer_accepted=True)
        assert (actor.id, actor.limits) == (UUID(SUB), None)
        assert not actor.claims.startswith('{"scopes"')


@pytest.mark.parametrize(
    ("limits", "can_write", "is_admin"),
    [
        ({"scopes": ["read"]}, False, False),
        ({"scopes": []}, False, False),
        ({"scopes": ["openid"]}, False, False),
        ({"scopes": ["write"]}, True, False),
        ({"scopes": ["admin"]}, True, True),
        ({"scopes": ["admin"], "project_ids": None}, True, True),
        ({"scopes": ["admin"], "project_ids": [PROJECT]}, True, False),
        ({"project_ids": []}, True, False),
        ({"scopes": None, "project_ids": [PROJECT]}, True, False),
    ],
)
def test_claims_with_limits_begin_with_their_scopes(limits: dict[str, Any], can_write: bool, is_admin: bool) -> None:
    actor = actor_of_claims({**CLAIMS, **ADMIN, **limits}, is_issuer_accepted=True)
    assert actor.claims.startswith('{"scopes":[')
    assert (actor.can_write, actor.is_admin) == (can_write, is_admin)
    assert actor.is_resource_limited is (limits.get("project_ids") is not None)


@pytest.mark.parametrize("name", ["scopes", "project_ids"])
@pytest.mark.parametrize("value", ["read", {}, 1, True, [1], [None], [["read"]]])
def test_malformed_limits_are_refused(name: str, value: object) -> None:
    with pytest.raises(UnauthenticatedError):
        actor_of_claims({**CLAIMS, name: value}, is_issuer_accepted=True)


def test_a_key_cannot_be_limited() -> None:
    assert actor_of_claims({"role": "service_role", "scopes": None}, is_issuer_accepted=False).kind is ActorKind.SERVICE
    refused: list[dict[str, Any]] = [{"scopes": ["read"]}, {"project_ids": []}]
    for limits in refused:
        with pytest.raises(UnauthenticatedError):
            actor_of_claims({"role": "service_role", **limits}, is_issuer_accepted=True)


def test_foreign_claims_say_so_first_unless_they_are_limited() -> None:
    foreign = actor_of_foreign_claims({**CLAIMS, **ADMIN, "scopes": None}, creates_account=True)
    assert foreign.claims.startswith('{"foreign":true,')
    assert (foreign.is_foreign, foreign.is_admin) == (True, False)
    assert actor_of_foreign_claims(CLAIMS, creates_account=False).claims.startswith('{"foreign":false,')
    limited = actor_of_foreign_claims({**CLAIMS, **ADMIN, "scopes": ["admin"]}, creates_account=True)
    assert limited.claims.startswith('{"scopes":["admin"]')
    assert not limited.is_admin
