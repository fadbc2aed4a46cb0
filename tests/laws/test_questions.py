"""Whatever is asked, by whomever, the answer is what plain Python makes of the same rows."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as searching
from hypothesis import strategies as st

from monynha.app.asgi import Program, build
from monynha.core.settings import Settings
from monynha.infra.embedded import Servers, servers
from tests.laws.evaluation import Asker, Question
from tests.laws.questions import questions, settled
from tests.laws.world import Row, World, make_world
from tests.people import People, Person

pytestmark = pytest.mark.anyio

SEEDS = (1, 2)
EXAMPLES = int(os.environ.get("MONYNHA_TEST_EXAMPLES", "250"))
_worlds: dict[int, World] = {}


@pytest.fixture(scope="module")
async def alone(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Return servers of these questions' own: an admin sees all there is, so nothing else may be there."""
    async with servers(replace(settings, data_dir=tmp_path_factory.mktemp("alone"))) as found:
        yield found


@pytest.fixture(scope="module")
async def program(settings: Settings, alone: Servers) -> AsyncIterator[Program]:
    """Return the whole program over that database."""
    made = await build(settings, alone)
    yield made
    await made.close()


@pytest.fixture(params=SEEDS)
async def world(request: pytest.FixtureRequest, people: People, alone: Servers) -> World:
    """Return a world, made once for each seed."""
    seed: int = request.param
    if seed not in _worlds:
        _worlds[seed] = await make_world(people, alone.owner_url, seed=seed)
    return _worlds[seed]


async def pages(person: Person, asked: Question) -> tuple[list[Row], dict[str, Any]]:
    """Return the rows of all pages, and the meta of the last."""
    rows: list[Row] = []
    params = asked.params
    while True:
        answer = (await person.get(asked.path, params=params)).json()
        rows += answer["data"]
        assert len(answer["data"]) <= asked.limit
        if answer["meta"]["nextCursor"] is None:
            return rows, answer["meta"]
        assert len(answer["data"]) == asked.limit
        params = {**params, "cursor": answer["meta"]["nextCursor"]}


@searching(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="MONYNHA_TEST_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=questions(), who=st.integers(0, 10))
async def test_an_answer_is_what_python_makes_of_the_rows(world: World, drawn: Question, who: int) -> None:
    person = [*world.people, world.admin][who]
    asked = settled(drawn, world.rows)
    asker = Asker(str(person.id), person is world.admin, world.rows)

    answer = await person.get(asked.path, params=asked.params)

    assert asker.status(asked) == answer.status_code, answer.text
    if answer.status_code == 200:
        expected = asker.answer(asked)
        if asked.key:
            assert expected == [answer.json()["data"]]
        else:
            rows, meta = await pages(person, asked)
            assert expected == rows
            assert {"limit": asked.limit, "nextCursor": None, "total": len(expected)} == meta
