"""`graphql-transport-ws` as specified: every message type, and the limits."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace

import pytest

from monynha.app.commands.keys import make_key
from monynha.app.composition.application import Application, build
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from monynha.protocols.graphql.transport import transport_ws as transport_ws
from tests.conditions import subscription_count, wait_until
from tests.live_server import serve
from tests.protocols.graphql.clients import PROTOCOL, unauthenticated_client, ws_client
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

TITLES = "subscription ($id: ID!) { taskChanged(projectId: $id) { title } }"
CREATE = """mutation ($id: ID!, $title: String!) {
  createTask(projectId: $id, input: {title: $title}) { id }
}"""
ME = "{ users(limit: 1) { id } }"


@pytest.mark.parametrize(
    ("name", "before"),
    [("Authorization", "Bearer "), ("authorization", "bearer "), ("authorization", ""), ("token", "")],
)
async def test_token_is_accepted_in_the_payloads_of_common_clients(
    address: str, user: ApiUser, name: str, before: str
) -> None:
    async with unauthenticated_client(address) as socket:
        await socket.init({name: before + user.token})
        await socket.start_subscription("subscription { notificationAdded { id } }")
        await socket.subscribe(ME)

        assert len(await socket.next_result()) == 1


async def test_token_is_accepted_in_the_handshake(address: str, user: ApiUser) -> None:
    async with unauthenticated_client(address, additional_headers={"Authorization": f"Bearer {user.token}"}) as socket:
        await socket.init()
        await socket.subscribe(ME)

        assert len(await socket.next_result()) == 1


async def test_queries_and_mutations_have_one_result(address: str, user: ApiUser) -> None:
    async with ws_client(address, user) as socket:
        id = await socket.subscribe(
            'mutation { createPost(input: {title: "P", content: ""}) { title author { name } } }'
        )
        created = await socket.next_result()
        completed = await socket.receive()
        await socket.subscribe("query A { __typename } query B { nothing }")
        codes = await socket.next_error_codes()

    assert created == {"title": "P", "author": {"name": "Ada"}}
    assert completed == {"id": id, "type": "complete"}
    assert codes == ["BAD_REQUEST"]


async def test_field_errors_are_results(address: str, user: ApiUser) -> None:
    async with ws_client(address, user) as socket:
        await socket.subscribe('mutation { deletePost(id: "00000000-0000-0000-0000-000000000000") }')
        response = (await socket.receive("next"))["payload"]
        await socket.receive("complete")

    assert (response["data"], response["errors"][0]["extensions"]["code"]) == (None, "NOT_FOUND")


async def test_anonymous_socket_has_the_rights_of_anonymous_http(
    address: str, settings: Settings, users: UserFactory
) -> None:
    key = make_key("anon", settings.jwt_secret)
    for payload in (None, {"Authorization": f"Bearer {key}"}):
        async with unauthenticated_client(address) as socket:
            await socket.init(payload)
            await socket.subscribe("{ __typename }")
            assert await socket.next_result() == "Query"
            await socket.receive("complete")
            await socket.subscribe(ME)
            response = (await socket.receive("next"))["payload"]
            assert response["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_service_key_subscribes_to_any_project(address: str, settings: Settings, user: ApiUser) -> None:
    project = await user.create_project()
    async with unauthenticated_client(address) as socket:
        await socket.init({"token": make_key("service_role", settings.jwt_secret)})
        await socket.start_subscription(TITLES, {"id": project["id"]})
        await user.create_task(project, title="T")

        assert await socket.next_result() == {"title": "T"}
        await socket.subscribe("subscription { notificationAdded { id } }")
        assert await socket.next_error_codes() == ["NOT_FOUND"]


async def test_pong_repeats_the_payload_of_the_ping(address: str, user: ApiUser) -> None:
    async with unauthenticated_client(address) as socket:
        await socket.send("ping")
        first = await socket.receive()
        await socket.init({"token": user.token})
        await socket.send("ping", payload={"a": [1]})
        second = await socket.receive()
        await socket.send("pong", payload={"a": 1})
        await socket.send("pong")

        assert (first, second) == ({"type": "pong"}, {"type": "pong", "payload": {"a": [1]}})
        assert await socket.receives_nothing(0.1)


async def test_complete_ends_a_subscription_and_frees_its_id(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with ws_client(address, user) as socket:
        id = await socket.start_subscription(TITLES, {"id": project["id"]})
        await socket.send("complete", id=id)
        await socket.send("complete", id="unknown")
        await socket.wait_until_started()
        await user.create_task(project)
        assert await socket.receives_nothing()
        payload = {"query": TITLES, "variables": {"id": project["id"]}}
        await socket.send("subscribe", id=id, payload=payload)
        await socket.wait_until_started()
        await user.create_task(project, title="again")

        assert await socket.next_result() == {"title": "again"}


async def test_complete_before_the_subscription_has_started(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with ws_client(address, user) as socket:
        for _ in range(50):
            id = await socket.subscribe(TITLES, {"id": project["id"]})
            await socket.send("complete", id=id)
        await socket.wait_until_started()
        await user.create_task(project)

        assert await socket.receives_nothing()


async def test_supported_subprotocol_is_selected(address: str) -> None:
    async with unauthenticated_client(address, subprotocols=["graphql-ws", PROTOCOL]) as socket:
        assert socket.connection.subprotocol == PROTOCOL


async def test_socket_rejects_operations_beyond_its_limit(address: str, program: Application, user: ApiUser) -> None:
    hub = program.realtime.hub
    project = await user.create_project()
    async with ws_client(address, user) as socket:
        for _ in range(1000):
            await socket.subscribe(TITLES, {"id": project["id"]})
        errors_received = [await socket.next_error_codes() for _ in range(1000 - transport_ws.MAX_OPERATIONS)]
        await wait_until(lambda: subscription_count(hub, project) == transport_ws.MAX_OPERATIONS)
        await user.create_task(project, title="T")
        results = [await socket.next_result() for _ in range(transport_ws.MAX_OPERATIONS)]
        assert await socket.receives_nothing()
        for number in range(1000):
            await socket.send("complete", id=str(number + 1))
        await wait_until(lambda: subscription_count(hub, project) < transport_ws.MAX_OPERATIONS)
        await asyncio.sleep(1.5)  # for the budget of messages, which the others have used up
        await socket.start_subscription(TITLES, {"id": project["id"]})
        await user.create_task(project, title="again")

        assert errors_received == [["RATE_LIMITED"]] * len(errors_received)
        assert results == [{"title": "T"}] * transport_ws.MAX_OPERATIONS
        assert await socket.next_result() == {"title": "again"}


async def test_flood_of_operations_is_rate_limited(address: str, user: ApiUser) -> None:
    async with ws_client(address, user) as socket:
        ids = set()
        for _ in range(1500):
            ids.add(await socket.subscribe("{ __typename }"))
        ends: dict[str, str] = {}
        while len(ends) < len(ids):
            message = await socket.receive()
            if message["type"] != "next":
                ends[message["id"]] = message["type"]

        assert set(ends.values()) == {"error", "complete"}
        assert await socket.receives_nothing()


async def test_operations_count_as_requests(
    settings: Settings, running_servers: ServerUrls, users: UserFactory
) -> None:
    program = await build(replace(settings, limit_api=Limit(3, 60)), running_servers)
    try:
        async with serve(program) as address, ws_client(address, await users.create()) as socket:
            codes = []
            for _ in range(5):
                await socket.subscribe("{ __typename }")
                message = await socket.receive()
                if message["type"] == "next":
                    await socket.receive("complete")
                codes.append(message["type"])
    finally:
        await program.close()

    assert codes == ["next"] * 3 + ["error"] * 2


async def test_operation_after_a_subscription_runs_once_it_is_active(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with ws_client(address, user) as socket:
        for number in range(20):
            id = await socket.subscribe(TITLES, {"id": project["id"]})
            await socket.subscribe(CREATE, {"id": project["id"], "title": str(number)})
            kinds = sorted([(await socket.receive())["type"] for _ in range(3)])
            await socket.send("complete", id=id)

            assert kinds == ["complete", "next", "next"]


async def test_subscription_can_be_a_persisted_query(address: str, user: ApiUser) -> None:
    project = await user.create_project()
    text = f"{TITLES} # {project['id']}"
    extensions = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(text.encode()).hexdigest()}}
    alone = {"extensions": extensions, "variables": {"id": project["id"]}}
    async with ws_client(address, user) as socket:
        await socket.send("subscribe", id="a", payload=alone)
        assert await socket.next_error_codes() == ["PERSISTED_QUERY_NOT_FOUND"]
        await socket.send("subscribe", id="b", payload={**alone, "query": text})
        await socket.wait_until_started()
        await socket.send("subscribe", id="c", payload=alone)
        await socket.wait_until_started()
        await user.create_task(project, title="T")

        assert [await socket.next_result(), await socket.next_result()] == [{"title": "T"}] * 2
