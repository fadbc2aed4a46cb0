"""The dataset of the benchmark: embedded servers with the data of load.sql, and an access token for each user."""

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

from monynha.app.maintenance.migration import migrate
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls, run_servers, with_jwt_secret

BENCH_FOLDER = Path(__file__).parent
USERS = 10_000
TOKEN_ISSUER = "https://bench.example/auth/v1"


@dataclass(frozen=True)
class Dataset:
    """The running servers, the JWT secret and the work folder."""

    servers: ServerUrls
    secret: str
    work_folder: Path

    @property
    def tokens_file(self) -> Path:
        """The file of access tokens, one a line; line n is of user n."""
        return self.work_folder / "tokens.txt"


@asynccontextmanager
async def open_dataset(work_folder: Path, *, tasks: int = 1_000_000) -> AsyncIterator[Dataset]:
    """Start the servers, load the data if it is missing, and write the access tokens."""
    work_folder.mkdir(parents=True, exist_ok=True)
    settings = with_jwt_secret(Settings.read({"MONYNHA_DATA_DIR": str(work_folder / "data")}))
    async with run_servers(settings) as running:
        await migrate(running.owner_url)
        await _load(running.owner_url, tasks)
        dataset = Dataset(running, settings.jwt_secret, work_folder)
        _write_tokens(dataset)
        yield dataset


async def _load(owner_url: str, tasks: int) -> None:
    connection = await asyncpg.connect(owner_url, server_settings={"role": "monynha_owner"})
    try:
        if await connection.fetchval("select exists (select from public.projects)"):
            await connection.execute("delete from public.tasks where title = 'A new task'")
        else:
            print(f"loading 10,000 users, 20,000 projects, 60,000 memberships, {tasks:,} tasks …", flush=True)
            # A project has 50 tasks, whatever the number of tasks.
            text = (BENCH_FOLDER / "load.sql").read_text().replace("1000000", str(tasks))
            text = text.replace("(n - 1) % 20000", f"(n - 1) % {tasks // 50}")
            await connection.execute(text, timeout=900)
        # Prisma writes every column, which the column grants do not allow.
        await connection.execute("grant insert on tasks to monynha_app")
        # PostGraphile names every primary key `rowId` and fails on another column of that name.
        await connection.execute("comment on column activity.row_id is '@name subject'")
        for table in ("auth.users", "auth.sessions", "users", "projects", "project_members", "tasks"):
            await connection.execute(f"vacuum analyze {table}", timeout=600)
    finally:
        await connection.close()


def _write_tokens(dataset: Dataset) -> None:
    key, now = OctKey.import_key(dataset.secret.encode()), int(time.time())
    lines = []
    for number in range(1, USERS + 1):
        claims = {
            "iss": TOKEN_ISSUER,
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
        lines.append(jws.serialize_compact({"alg": "HS256", "typ": "JWT"}, orjson.dumps(claims), key, ["HS256"]))
    dataset.tokens_file.write_text("\n".join(lines) + "\n")


async def run_command(
    *command: str, env: dict[str, str] | None = None, within_s: float = 120, folder: Path | None = None
) -> str:
    """Run a command and return its output; exit if it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, env=env, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await asyncio.wait_for(process.communicate(), within_s)
    if process.returncode:
        raise SystemExit(f"{command[0]} failed:\n{output.decode()[-2000:]}")
    return output.decode()
