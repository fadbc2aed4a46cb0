"""Queries: an actor gets the rows that it sees, in a transaction as outside."""

from __future__ import annotations

from uuid import UUID

import orjson
import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.core.errors import NotFoundError
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import Database
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

PROJECTS = CATALOG.resources["projects"]
QUERIES = Queries(Compiler())


async def test_row_is_the_same_within_a_transaction(user: ApiUser, database: Database) -> None:
    project = await user.create_project()
    selection = Selection(PROJECTS, PROJECTS.field_names, key=(UUID(project["id"]),))
    connection = database.as_actor(user.actor)

    row = await QUERIES.fetch_row(connection, selection)
    async with connection.transaction() as transaction:
        row_in_transaction = await QUERIES.fetch_in_transaction(transaction, selection)

    assert row == row_in_transaction
    assert orjson.loads(row.json) == project


async def test_page_holds_the_rows_that_the_actor_sees(users: UserFactory, user: ApiUser, database: Database) -> None:
    project = await user.create_project()
    await (await users.create("Grace")).create_project()

    page = await QUERIES.fetch_page(database.as_actor(user.actor), Selection(PROJECTS, ("id",), with_total=True))

    assert (page.total, page.last_sort_values) == (1, None)
    assert orjson.loads(page.rows) == [{"id": project["id"]}]


async def test_row_that_the_actor_does_not_see_is_not_found(
    users: UserFactory, user: ApiUser, database: Database
) -> None:
    project = await (await users.create("Grace")).create_project()
    selection = Selection(PROJECTS, ("id",), key=(UUID(project["id"]),))

    with pytest.raises(NotFoundError):
        await QUERIES.fetch_row(database.as_actor(user.actor), selection)
