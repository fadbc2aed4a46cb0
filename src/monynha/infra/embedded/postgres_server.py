"""The embedded PostgreSQL: everything that must not be lost."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from monynha.core.errors import WrongSetting
from monynha.core.settings import Settings
from monynha.infra.embedded.binaries import copy_postgres, find_postgres, postgres_major
from monynha.infra.embedded.bootstrap import bootstrap
from monynha.infra.embedded.cluster import ensure_cluster
from monynha.infra.embedded.complaints import Died, explain
from monynha.infra.embedded.folder import Places, find_lost, link_cluster
from monynha.infra.embedded.identity import Identity
from monynha.infra.embedded.leftovers import clear_leftovers, clear_stale_pid
from monynha.infra.embedded.secret_file import Secrets
from monynha.infra.embedded.supervised import Spec, Supervised

_PORT = 5432

# For a small machine that other things share; given at each start, so that a new release changes them.
_OPTIONS = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "96MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "max_connections": "300",  # ten workers
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "0",  # starting a worker takes longer than our answers
    "random_page_cost": "1.1",
    "jit": "off",
    "synchronous_commit": "on",
    "wal_level": "logical",
    "min_wal_size": "64MB",
    "max_wal_size": "512MB",
    "max_slot_wal_keep_size": "1GB",  # a dead consumer must not fill the disk
    "huge_pages": "off",
    "update_process_title": "off",
    # No statement and no value of anybody in the log: `log` ranks above what a statement may fail with.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
_OPTIONS_SINCE_18 = {"io_method": "worker", "io_workers": "1", "idle_replication_slot_timeout": "1d"}


def postgres_url(places: Places, secrets: Secrets) -> str:
    """The address of the embedded database, for the program's login."""
    return f"postgresql://monynha:{secrets.login_password}@/monynha?host={places.sockets}"


async def start_postgres(
    settings: Settings, places: Places, identity: Identity, secrets: Secrets
) -> Supervised:
    """Start PostgreSQL on the data folder, making its cluster first where there is none."""
    bin_dir = find_postgres(settings.postgres_bin)
    if not identity.can_reach(bin_dir / "postgres"):
        bin_dir = await asyncio.to_thread(copy_postgres, bin_dir, places.home)
    major = await asyncio.to_thread(postgres_major, bin_dir)
    find_lost(places)
    await ensure_cluster(places.cluster, bin_dir, major, identity, secrets.superuser_password)
    link_cluster(places)
    server = Supervised(_spec(bin_dir, major, places, identity, secrets))
    try:
        await server.start()
    except Died as death:
        raise explain("PostgreSQL", str(death)) from death
    try:
        await bootstrap(places.sockets, secrets, major)
    except BaseException:
        await server.stop()
        raise
    return server


def _spec(bin_dir: Path, major: int, places: Places, identity: Identity, secrets: Secrets) -> Spec:
    options = {
        **_OPTIONS,
        **(_OPTIONS_SINCE_18 if major >= 18 else {}),
        "unix_socket_directories": str(places.sockets),
    }

    async def clear() -> None:
        await clear_leftovers(places.cluster, "postgres")
        clear_stale_pid(places.cluster)

    async def is_ready() -> bool:
        return await postgres_answers(places, "postgres", secrets.superuser_password, "postgres")

    return Spec(
        name="PostgreSQL",
        argv=(
            str(bin_dir / "postgres"),
            "-D",
            str(places.cluster.resolve()),
            *(word for name, value in options.items() for word in ("-c", f"{name}={value}")),
        ),
        identity=identity,
        log_path=places.logs / "postgres.log",
        stop_signals=(signal.SIGINT, signal.SIGQUIT),  # SIGTERM would wait for clients for ever
        patience_s=30,
        is_ready=is_ready,
        clear=clear,
    )


async def postgres_answers(places: Places, user: str, password: str, database: str) -> bool:
    """Whether PostgreSQL takes this login now."""
    if not (places.sockets / f".s.PGSQL.{_PORT}").exists():
        return False
    import asyncpg  # 0.15 s, spent while the server starts

    try:
        connection = await asyncpg.connect(
            host=str(places.sockets), port=_PORT, user=user, password=password, database=database, timeout=5
        )
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
        return False
    except asyncpg.InvalidAuthorizationSpecificationError as cause:
        raise WrongSetting("MONYNHA_DATA_DIR: secrets.json there is not the one of its database") from cause
    await connection.close()
    return True
