"""Users of limited tokens: the same person, with a token that allows less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from monynha.domains.auth.accounts.account import ACCOUNT_COLUMNS, account_from_row
from monynha.domains.auth.accounts.account_repository import AUTH_ACTOR
from monynha.domains.auth.tokens.access_tokens import AccessTokens, SessionClaims
from monynha.infra.postgres.database import Database
from tests.users import ApiUser


async def create_token(user: ApiUser, *scopes: str, project: Mapping[str, Any] | None = None, **body: Any) -> Any:
    """Create an API token of the user, and return it with its secret."""
    project_ids = {} if project is None else {"projectIds": [project["id"]]}
    response = await user.post("/tokens", {"name": "A script", "scopes": list(scopes), **project_ids, **body})
    assert response.status_code == 201, response.text
    return response.json()["data"]


async def with_api_token(user: ApiUser, *scopes: str, project: Mapping[str, Any] | None = None) -> ApiUser:
    """Return the user with an API token in place of their access token."""
    return replace(user, token=(await create_token(user, *scopes, project=project))["secret"])


async def with_limited_token(
    database: Database,
    tokens: AccessTokens,
    user: ApiUser,
    scopes: Sequence[str] | None,
    project: Mapping[str, Any] | None = None,
) -> ApiUser:
    """Return the user with an access token of their session that is limited by its claims, as for an OAuth client."""
    async with database.as_actor(AUTH_ACTOR).transaction() as transaction:
        row = await transaction.fetch_row(f"select {ACCOUNT_COLUMNS} from auth.users u where u.id = $1", user.id)
    assert row is not None
    claims: dict[str, object] = {"client_id": "a-client"}
    if scopes is not None:
        claims["scopes"] = list(scopes)
    if project is not None:
        claims["project_ids"] = [project["id"]]
    token = tokens.issue(
        account_from_row(dict(row)), SessionClaims(user.session_id, "aal1", ()), limiting_claims=claims
    ).text
    return replace(user, token=token, actor=tokens.verify(token))
