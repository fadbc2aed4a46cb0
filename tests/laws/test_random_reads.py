"""The response to any read request by any user equals what plain Python computes from the same rows."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as searching
from hypothesis import strategies as st

from monynha.app.composition.application import Application, build
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls, run_servers
from tests.laws.dataset import Dataset, Row, create_dataset
from tests.laws.random_reads import read_requests, resolve_read
from tests.laws.read_oracle import ReadOracle, ReadRequest
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

SEEDS = (1, 2)
EXAMPLES = int(os.environ.get("MONYNHA_TEST_EXAMPLES", "250"))
_datasets: dict[int, Dataset] = {}


@pytest.fixture(scope="module")
async def own_servers(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerUrls]:
    """Run servers for this module only: an admin sees all rows, so there must be no others."""
    async with run_servers(replace(settings, data_dir=tmp_path_factory.mktemp("alone"))) as running:
        yield running


@pytest.fixture(scope="module")
async def program(settings: Settings, own_servers: ServerUrls) -> AsyncIterator[Application]:
    """Return the application on these servers; only the rows say here how large an answer is."""
    application = await build(replace(settings, max_answer_characters=10**12), own_servers)
    yield application
    await application.close()


@pytest.fixture(params=SEEDS)
async def dataset(request: pytest.FixtureRequest, users: UserFactory, own_servers: ServerUrls) -> Dataset:
    """Return the dataset of a seed, created once."""
    seed: int = request.param
    if seed not in _datasets:
        _datasets[seed] = await create_dataset(users, own_servers.owner_url, seed=seed)
    return _datasets[seed]


async def fetch_all_pages(user: ApiUser, read_request: ReadRequest) -> tuple[list[Row], dict[str, Any]]:
    """Return the rows of all pages, and the meta of the last one."""
    rows: list[Row] = []
    params = read_request.params
    while True:
        body = (await user.get(read_request.path, params=params)).json()
        rows += body["data"]
        assert len(body["data"]) <= read_request.limit
        if body["meta"]["nextCursor"] is None:
            return rows, body["meta"]
        assert len(body["data"]) == read_request.limit
        params = {**params, "cursor": body["meta"]["nextCursor"]}


@searching(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="MONYNHA_TEST_EXAMPLES" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=read_requests(), actor_index=st.integers(0, 10))
async def test_a_response_equals_what_plain_python_computes_from_the_rows(
    dataset: Dataset, drawn: ReadRequest, actor_index: int
) -> None:
    user = [*dataset.users, dataset.admin][actor_index]
    read_request = resolve_read(drawn, dataset.rows)
    oracle = ReadOracle(str(user.id), user is dataset.admin, dataset.rows)

    response = await user.get(read_request.path, params=read_request.params)

    assert oracle.status(read_request) == response.status_code, response.text
    if response.status_code == 200:
        expected = oracle.expected_rows(read_request)
        if read_request.key:
            assert expected == [response.json()["data"]]
        else:
            rows, meta = await fetch_all_pages(user, read_request)
            assert rows == expected
            assert meta == {"limit": read_request.limit, "nextCursor": None, "total": len(expected)}
