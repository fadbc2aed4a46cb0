"""The limit: pgbench sends the very same statements, prepared, and throws the answers away."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg

from bench.documents import OURS
from bench.world import World, ran
from monynha.app.catalog import CATALOG
from monynha.app.graphql import whole_schema
from monynha.core.actor import Actor, ActorKind
from monynha.engine.compiler import Compiler
from monynha.engine.mutate import insert_alone_sql
from monynha.engine.selection import Condition, Scope, Selection
from monynha.infra.embedded.binaries import find_postgres
from monynha.protocols.graphql.asked import Asked
from monynha.protocols.graphql.document import Documents
from monynha.protocols.graphql.plan import Plans

_ANY = UUID(int=0)
_CLAIMS = '\'{"iss":"bench","role":"authenticated","aud":"authenticated","aal":"aal1"}\'::text'
_SESSION = "-c role=monynha_app -c jit=off -c max_parallel_workers_per_gather=0 -c timezone=UTC"


def statements() -> dict[str, str]:
    """Return the statement of each scenario as the program sends it, by scenario."""
    projects, tasks = CATALOG.resources["projects"], CATALOG.resources["tasks"]
    asked = {
        "projects": Selection(projects, tuple(projects.fields)),
        "tasks": Selection(
            tasks,
            tuple(tasks.fields),
            where=(Condition("is", ("projectId",), _ANY),),
            limit=50,
            scope=Scope(projects, _ANY),
        ),
        "task": Selection(tasks, tuple(tasks.fields), key=(_ANY,)),
    }
    found = {name: Compiler().statement(one).text for name, one in asked.items()}
    columns = ("project_id", "title", "description", "priority", "tags")
    found["insert"] = insert_alone_sql(tasks, columns)
    return {**found, **_graph_statements()}


def _graph_statements() -> dict[str, str]:
    schema = whole_schema()
    documents, plans = Documents(schema, shows_schema=False), Plans(schema, Compiler())
    found = {}
    for scenario, text in OURS.items():
        document = documents.read_at_once(text)
        operation, given = document.operation(None), {"id": str(_ANY)}
        asked = Asked(Actor(ActorKind.USER, _ANY), documents.variables(document, operation, given), given)
        plan = plans.of(document, operation, asked)
        # The id is the only value that these documents bind.
        assert plan.values(asked) == [_ANY], plan.values(asked)
        found[scenario] = plan.text
    return found


def _script(scenario: str, text: str) -> str:
    person, project = _id("8000", "n"), _id("a000", "n")
    binds = {"1": _CLAIMS, "2": person, "3": _id("9000", "n"), "4": project, "5": project}
    if scenario in ("task", "graph1"):
        binds["4"] = _id("b000", "t")
    if scenario == "insert":
        binds |= {"5": "'A new task'", "6": "'Something to do'", "7": "'high'", "8": "array['new']"}
    # To pgbench a colon before a letter is a variable, also between quotes.
    text = text.replace(":MI:SS.US", "' || chr(58) || 'MI' || chr(58) || 'SS.US").replace("\n", " ")
    filled = re.sub(r"\$(\d+)", lambda found: f"({binds[found[1]]})", text)
    return f"\\set n random(1, 10000)\n\\set t :n + 20000 * random(0, 49)\n{filled};\n"


def _id(kind: str, variable: str) -> str:
    return f"('00000000-0000-4000-{kind}-' || lpad(to_hex(:{variable}::int), 12, '0'))::uuid"


@asynccontextmanager
async def without_history(world: World) -> AsyncIterator[None]:
    """Let inserts of tasks leave no event for a while: what is measured then is the insert alone."""
    owner = await asyncpg.connect(world.servers.owner_url, server_settings={"role": "monynha_owner"})
    try:
        await owner.execute("alter table public.tasks disable trigger history_hears_inserts")
        yield
    finally:
        await owner.execute("alter table public.tasks enable trigger history_hears_inserts")
        await owner.close()


async def limit(world: World, scenario: str, seconds: int, connections: int) -> float:
    """Return how many of the scenario's statements a second the server itself answers."""
    parts = urlsplit(world.servers.database_url)
    script = world.work / f"{scenario}.pgbench"
    script.write_text(_script(scenario, statements()[scenario]))
    env = {**os.environ, "PGPASSWORD": parts.password or "", "PGOPTIONS": _SESSION}
    pgbench = find_postgres(None) / "pgbench"
    host = parse_qs(parts.query).get("host", [parts.hostname or ""])[0]
    printed = await ran(
        str(pgbench), "-n", "-M", "prepared", "-c", str(connections), "-j", "1", "-T", str(seconds),
        "-h", host, "-U", parts.username or "", "-f", str(script), parts.path.strip("/"), env=env,
    )  # fmt: skip
    found = re.search(r"tps = ([\d.]+)", printed)
    assert found is not None, printed
    return float(found[1])
