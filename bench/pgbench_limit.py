"""The limit: pgbench executes the same statements, prepared, and discards the results."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg

from bench.dataset import Dataset, run_command
from bench.documents import MONYNHA
from monynha.app.composition.catalog import CATALOG
from monynha.app.composition.graphql import full_schema
from monynha.core.actor import Actor, ActorKind
from monynha.engine.mutation.mutations import autocommit_insert_sql
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.selection import Condition, Scope, Selection
from monynha.infra.embedded.binaries import find_postgres
from monynha.protocols.graphql.execution.context import Caller, ExecutionContext
from monynha.protocols.graphql.execution.document import DocumentLoader
from monynha.protocols.graphql.execution.plan import QueryPlanner

_ANY_ID = UUID(int=0)
_CLAIMS = '\'{"iss":"bench","role":"authenticated","aud":"authenticated","aal":"aal1"}\'::text'
_SESSION = "-c role=monynha_app -c jit=off -c max_parallel_workers_per_gather=0 -c timezone=UTC"


def statements() -> dict[str, str]:
    """Return the SQL that the application sends, by scenario."""
    projects, tasks = CATALOG.resources["projects"], CATALOG.resources["tasks"]
    selections = {
        "projects": Selection(projects, tuple(projects.fields)),
        "tasks": Selection(
            tasks,
            tuple(tasks.fields),
            where=(Condition("eq", ("projectId",), _ANY_ID),),
            limit=50,
            scope=Scope(projects, _ANY_ID),
        ),
        "task": Selection(tasks, tuple(tasks.fields), key=(_ANY_ID,)),
    }
    texts = {name: Compiler().compile(selection).text for name, selection in selections.items()}
    columns = ("project_id", "title", "description", "priority", "tags")
    texts["insert"] = autocommit_insert_sql(tasks, columns)
    return {**texts, **_graph_statements()}


def _graph_statements() -> dict[str, str]:
    schema = full_schema()
    documents, plans = DocumentLoader(schema, allows_introspection=False), QueryPlanner(schema, Compiler())
    texts = {}
    for scenario, text in MONYNHA.items():
        document = documents.parse(text)
        operation = document.get_operation(None)
        variables: dict[str, object] = {"id": str(_ANY_ID)}
        context = ExecutionContext(
            Caller(Actor(ActorKind.USER, _ANY_ID), request_id="", client_ip=""),
            documents.coerce_variables(document, operation, variables),
            variables,
        )
        plan = plans.get_plan(document, operation, context)
        # The id is the only value that these documents bind.
        assert plan.query.bind(context) == [_ANY_ID], plan.query.bind(context)
        texts[scenario] = plan.query.text
    return texts


def _pgbench_script(scenario: str, text: str) -> str:
    user_id, project_id = _id_sql("8000", "n"), _id_sql("a000", "n")
    binds = {"1": _CLAIMS, "2": user_id, "3": _id_sql("9000", "n"), "4": project_id, "5": project_id}
    if scenario in ("task", "graph1"):
        binds["4"] = _id_sql("b000", "t")
    if scenario == "insert":
        binds |= {"5": "'A new task'", "6": "'Something to do'", "7": "'high'", "8": "array['new']"}
    # pgbench reads a colon before a letter as a variable, even inside quotes.
    text = text.replace(":MI:SS.US", "' || chr(58) || 'MI' || chr(58) || 'SS.US").replace("\n", " ")
    statement = re.sub(r"\$(\d+)", lambda match: f"({binds[match[1]]})", text)
    return f"\\set n random(1, 10000)\n\\set t :n + 20000 * random(0, 49)\n{statement};\n"


def _id_sql(kind: str, variable: str) -> str:
    return f"('00000000-0000-4000-{kind}-' || lpad(to_hex(:{variable}::int), 12, '0'))::uuid"


@asynccontextmanager
async def without_event_trigger(dataset: Dataset) -> AsyncIterator[None]:
    """Disable the event trigger of task inserts, to measure the insert alone."""
    owner = await asyncpg.connect(dataset.servers.owner_url, server_settings={"role": "monynha_owner"})
    try:
        await owner.execute("alter table public.tasks disable trigger tasks_events_on_insert")
        yield
    finally:
        await owner.execute("alter table public.tasks enable trigger tasks_events_on_insert")
        await owner.close()


async def measure_limit(dataset: Dataset, scenario: str, seconds: int, connections: int) -> float:
    """Return the transactions a second that PostgreSQL reaches with the statement of the scenario."""
    parts = urlsplit(dataset.servers.database_url)
    script = dataset.work_folder / f"{scenario}.pgbench"
    script.write_text(_pgbench_script(scenario, statements()[scenario]))
    env = {**os.environ, "PGPASSWORD": parts.password or "", "PGOPTIONS": _SESSION}
    pgbench = find_postgres(None) / "pgbench"
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    output = await run_command(
        str(pgbench), "-n", "-M", "prepared", "-c", str(connections), "-j", "1", "-T", str(seconds),
        "-h", host, "-U", parts.username or "", "-f", str(script), parts.path.strip("/"), env=env,
    )  # fmt: skip
    match = re.search(r"tps = ([\d.]+)", output)
    assert match is not None, output
    return float(match[1])
