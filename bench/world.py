"""The benchmark's world: embedded servers with the data of load.sql, and a token for each person."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson
from joserfc import jws
from joserfc.jwk import OctKey

from monynha.app.migrate import migrate
from monynha.core.settings import Settings
from monynha.infra.embedded import Servers, servers, with_secrets

HERE = Path(__file__).parent
PEOPLE = 10_000


@dataclass(frozen=True)
class World:
    """Where everything is."""

    servers: Servers
    secret: str
    work: Path

    @property
    def tokens(self) -> Path:
        """A file with one token a line, the n-th for person n."""
        return self.work / "tokens.txt"


@asynccontextmanager
async def world(work: Path, *, tasks: int = 1_000_000) -> AsyncIterator[World]:
    """Start the servers, load the data where it is not there yet, sign a token for everybody."""
    work.mkdir(parents=True, exist_ok=True)
    settings = with_secrets(Settings.read({"MONYNHA_DATA_DIR": str(work / "data")}))
    async with servers(settings) as found:
        await migrate(found.owner_url)
        await _load(found.owner_url, tasks)
        made = World(found, settings.jwt_secret, work)
        _sign(made)
        yield made


async def _load(owner_url: str, tasks: int) -> None:
    connection = await asyncpg.connect(owner_url, server_settings={"role": "monynha_owner"})
    try:
        if await connection.fetchval("select exists (select from public.projects)"):
            await connection.execute("delete from public.tasks where title = 'A new task'")
        else:
            print(
                f"loading 10,000 people, 20,000 projects, 60,000 memberships, {tasks:,} tasks …", flush=True
            )
            # A project has 50 tasks, however many there are in all.
            text = (HERE / "load.sql").read_text().replace("1000000", str(tasks))
            text = text.replace("(n - 1) % 20000", f"(n - 1) % {tasks // 50}")
            await connection.execute(text, timeout=900)
        # Prisma writes every column, which our column grants would refuse.
        await connection.execute("grant insert on tasks to monynha_app")
        # PostGraphile calls every key `rowId`, and a second column of that name stops it.
        await connection.execute("comment on column activity.row_id is '@name subject'")
        for table in ("auth.users", "auth.sessions", "users", "projects", "project_members", "tasks"):
            await connection.execute(f"vacuum analyze {table}", timeout=600)
    finally:
        await connection.close()


def _sign(made: World) -> None:
    key, now = OctKey.import_key(made.secret.encode()), int(time.time())
    lines = []
    for number in range(1, PEOPLE + 1):
        claims = {
            "iss": "bench",
            "sub": str(UUID(int=(0x00000000_0000_4000_8000 << 48) | number)),
            "aud": "authenticated",
            "exp": now + 86_400,
            "iat": now,
            "email": f"person{number}@bench.example",
            "role": "authenticated",
            "aal": "aal1",
            "session_id": str(UUID(int=(0x00000000_0000_4000_9000 << 48) | number)),
            "is_anonymous": False,
        }
        lines.append(
            jws.serialize_compact({"alg": "HS256", "typ": "JWT"}, orjson.dumps(claims), key, ["HS256"])
        )
    made.tokens.write_text("\n".join(lines) + "\n")


async def ran(
    *words: str, env: dict[str, str] | None = None, within_s: float = 120, folder: Path | None = None
) -> str:
    """Run a command and return what it printed; its failure is ours."""
    process = await asyncio.create_subprocess_exec(
        *words, env=env, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), within_s)
    if process.returncode:
        raise SystemExit(f"{words[0]} failed:\n{output.decode()[-2000:]}")
    return output.decode()
