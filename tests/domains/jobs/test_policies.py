"""Who sees, retries and cancels jobs: system admins and the service key; nobody sees private data."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest

from monynha.app.commands.keys import make_key
from monynha.core.actor import system_actor
from monynha.core.settings.settings import Settings
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.errors import ConstraintViolationError
from monynha.infra.queue.job_store import JobOutcome
from tests.domains.jobs.conftest import QueueWithoutWorker
from tests.live_server import OwnerSql
from tests.project_team import StatusByVerb, rights_table
from tests.protocols.graphql.requests import error_codes, execute
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

JOBS = """
                 list  read  retry  cancel
    anonymous     401   401    401     401
    requester     403   403    403     403
    other         403   403    403     403
    banned        401   401    401     401
    signed_out    401   401    401     401
    system_admin  200   200    200     200
    promoted      200   200    200     200
    service_role  200   200    200     200
    demoted       403   403    403     403
"""
LINK = "https://monynha.test/verify?token=a-one-time-secret"


async def actor_named(name: str, users: UserFactory, requester: ApiUser, settings: Settings) -> ApiUser:
    """Return the actor of a row of the table."""
    if name == "anonymous":
        return users.anonymous()
    if name == "requester":
        return requester
    if name == "service_role":
        return replace(users.anonymous(), token=make_key("service_role", settings.jwt_secret))
    # The token of somebody promoted or demoted says what they were when it was issued.
    actor = await users.create(name.capitalize(), is_admin=name in ("system_admin", "demoted"))
    if name == "banned":
        await users.ban(actor)
    elif name == "signed_out":
        await users.end_session(actor)
    elif name in ("promoted", "demoted"):
        role = '{"role": "admin"}' if name == "promoted" else "{}"
        async with users.database.as_actor(system_actor("auth")).transaction() as transaction:
            await transaction.execute("update auth.users set app_metadata = $1 where id = $2", role, actor.id)
    return actor


@pytest.mark.parametrize(("name", "expected"), rights_table(JOBS))
async def test_jobs_can_be_seen_and_changed_by(
    name: str, expected: StatusByVerb, users: UserFactory, settings: Settings, queue: QueueWithoutWorker
) -> None:
    requester = await users.create("Requester")
    actor = await actor_named(name, users, requester, settings)
    dead, ready = await queue.enqueue(actor=requester.actor), await queue.enqueue(actor=requester.actor)
    await queue.attempt("dead")

    actual = {
        "list": (await actor.get(f"/admin/jobs?queue={queue.name}")).status_code,
        "read": (await actor.get(f"/admin/jobs/{ready}")).status_code,
        "retry": (await actor.post(f"/admin/jobs/{dead}/retry", None)).status_code,
        "cancel": (await actor.post(f"/admin/jobs/{ready}/cancel", None)).status_code,
    }

    assert actual == expected


async def test_graphql_forbids_jobs_to_everybody_but_admins(
    users: UserFactory, admin: ApiUser, queue: QueueWithoutWorker
) -> None:
    user = await users.create()
    job_id = await queue.enqueue(actor=user.actor)
    documents = [
        "{ jobs { id } }",
        f'{{ job(id: "{job_id}") {{ id }} }}',
        f'mutation {{ cancelJob(id: "{job_id}") {{ id }} }}',
        f'mutation {{ retryJob(id: "{job_id}") {{ id }} }}',
    ]

    of_user = [await error_codes(user, document) for document in documents]
    of_nobody = [await error_codes(users.anonymous(), document) for document in documents]
    of_admin = [await error_codes(admin, document) for document in documents]

    assert of_user == [["FORBIDDEN"]] * 4
    assert of_nobody == [["UNAUTHENTICATED"]] * 4
    assert of_admin == [[]] * 4


async def test_a_query_for_jobs_and_other_rows_is_refused_as_a_whole(user: ApiUser) -> None:
    response = await execute(user, "{ projects { id } job(id: 1) { id } }")

    assert response.status_code == 200
    assert response.json()["data"] is None
    assert [(error["path"], error["extensions"]["code"]) for error in response.json()["errors"]] == [
        (["projects"], "FORBIDDEN"),
        (["job"], "FORBIDDEN"),
    ]


async def test_no_answer_shows_the_private_data_of_a_job(
    admin: ApiUser, settings: Settings, users: UserFactory, queue: QueueWithoutWorker
) -> None:
    payload = {"to": "ada@example.com", "subject": "Reset", "template": "recovery", "data": {"link": LINK}}
    job_id = await queue.enqueue(payload)
    service = replace(users.anonymous(), token=make_key("service_role", settings.jwt_secret))
    document = f'{{ job(id: "{job_id}") {{ id payload result lastError }} jobs(limit: 100) {{ payload }} }}'
    responses: list[httpx.Response] = []
    outcomes: tuple[JobOutcome | None, ...] = (None, "failed", "dead")
    for outcome in outcomes:
        if outcome is not None:
            [job] = await queue.store.claim([queue.name], 1, lease=queue.lease)
            assert job.payload == payload
            await queue.record(job, outcome)
            await queue.make_due()
        for reader in (admin, service):
            responses.append(await reader.get(f"/admin/jobs/{job_id}"))
            responses.append(await reader.get(f"/admin/jobs?queue={queue.name}"))
            responses.append(await execute(reader, document))
    responses.append(await admin.post(f"/admin/jobs/{job_id}/retry", None))
    responses.append(await admin.post(f"/admin/jobs/{job_id}/cancel", None))

    assert [response.status_code for response in responses] == [200] * len(responses)
    assert [response.text for response in responses if "one-time-secret" in response.text] == []
    visible_payload = responses[0].json()["data"]["payload"]
    assert visible_payload == {"to": "ada@example.com", "subject": "Reset", "template": "recovery"}


async def test_private_data_is_deleted_when_a_job_is_completed(queue: QueueWithoutWorker, owner_sql: OwnerSql) -> None:
    job_id = await queue.enqueue({"to": "ada@example.com", "data": {"link": LINK}})
    await queue.attempt("completed")

    [row] = await owner_sql("select payload, private_data from monynha.jobs where id = $1", job_id)

    assert (json.loads(row["payload"]), row["private_data"]) == ({"to": "ada@example.com"}, None)


@pytest.mark.parametrize(
    "statement",
    [
        "select count(*) from monynha.jobs",
        "select count(*) from public.jobs",
        "select monynha.claim_jobs(gen_random_uuid(), array['email'], 1, '1 s')",
        "select monynha.cancel_job(gen_random_uuid())",
        "delete from monynha.jobs",
    ],
)
async def test_the_role_of_users_may_do_nothing_with_jobs_but_enqueue(
    statement: str, database: Database, user: ApiUser
) -> None:
    with pytest.raises(ConstraintViolationError) as violation:
        async with database.as_actor(user.actor).transaction() as transaction:
            await transaction.execute(statement)

    assert violation.value.is_permission_denied


async def test_the_role_of_admins_cannot_read_private_data(database: Database, admin: ApiUser) -> None:
    with pytest.raises(ConstraintViolationError) as violation:
        async with database.as_actor(admin.actor).transaction() as transaction:
            await transaction.execute("select private_data from monynha.jobs")

    assert violation.value.is_permission_denied


async def test_another_part_of_the_program_sees_no_jobs(database: Database, queue: QueueWithoutWorker) -> None:
    await queue.enqueue()
    async with database.as_actor(system_actor("auth")).transaction() as transaction:
        visible = await transaction.fetch_value("select count(*) from monynha.jobs")
        await transaction.execute("update monynha.jobs set state = 'cancelled' where queue = $1", queue.name)
    async with database.as_actor(system_actor("jobs")).transaction() as transaction:
        state = await transaction.fetch_value("select state from monynha.jobs where queue = $1", queue.name)

    assert (visible, state) == (0, "ready")
