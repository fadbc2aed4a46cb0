"""The embedded PostgreSQL: its options, and how it is started."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded.binaries import copy_postgres, find_postgres, postgres_major
from monynha.infra.embedded.bootstrap import bootstrap_database
from monynha.infra.embedded.cluster import ensure_cluster
from monynha.infra.embedded.data_dir import DataLayout, link_cluster, refuse_lost_cluster
from monynha.infra.embedded.process_user import ProcessUser
from monynha.infra.embedded.secret_file import GeneratedSecrets
from monynha.infra.embedded.stale_processes import clear_lock_files, stop_stale_processes
from monynha.infra.embedded.startup_errors import ServerExitedError, startup_error
from monynha.infra.embedded.supervised_server import ServerSpec, SupervisedServer

_PORT = 5432

# Sized for a small machine that runs other programs too. Passed at each start, so that a release can change them.
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
    "max_connections": "500",  # enough for ten worker processes
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "0",  # starting a parallel worker takes longer than our queries
    "random_page_cost": "1.1",
    "jit": "off",
    "synchronous_commit": "on",
    "wal_level": "logical",
    "min_wal_size": "64MB",
    "max_wal_size": "512MB",
    "max_slot_wal_keep_size": "1GB",  # a dead consumer must not fill the disk
    "huge_pages": "off",
    "update_process_title": "off",
    # No statement and no value of a user in the log: `log` ranks above every error of a statement.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
_OPTIONS_SINCE_18 = {"io_method": "worker", "io_workers": "1", "idle_replication_slot_timeout": "1d"}


def postgres_url(layout: DataLayout, secrets: GeneratedSecrets) -> str:
    """Return the URL of the embedded database, with the login of the program."""
    return f"postgresql://monynha:{secrets.login_password}@/monynha?host={layout.sockets}"


async def start_postgres(
    settings: Settings, layout: DataLayout, process_user: ProcessUser, secrets: GeneratedSecrets
) -> SupervisedServer:
    """Start PostgreSQL on the data folder, after creating its cluster if there is none.

    Raises SettingsError if it does not start.
    """
    bin_dir = find_postgres(settings.postgres_bin)
    if not process_user.can_reach(bin_dir / "postgres"):
        bin_dir = await asyncio.to_thread(copy_postgres, bin_dir, layout.postgres_home)
    major = await asyncio.to_thread(postgres_major, bin_dir)
    refuse_lost_cluster(layout)
    await ensure_cluster(layout.cluster, bin_dir, major, process_user, secrets.superuser_password)
    link_cluster(layout)
    server = SupervisedServer(_server_spec(bin_dir, major, layout, process_user, secrets))
    try:
        await server.start()
    except ServerExitedError as error:
        raise startup_error("PostgreSQL", str(error)) from error
    try:
        await bootstrap_database(layout.sockets, secrets, major)
    except BaseException:
        await server.stop()
        raise
    return server


def _server_spec(
    bin_dir: Path, major: int, layout: DataLayout, process_user: ProcessUser, secrets: GeneratedSecrets
) -> ServerSpec:
    options = {
        **_OPTIONS,
        **(_OPTIONS_SINCE_18 if major >= 18 else {}),
        "unix_socket_directories": str(layout.sockets),
    }

    async def clean_up() -> None:
        await stop_stale_processes(layout.cluster, "postgres")
        clear_lock_files(layout.cluster, layout.sockets)

    async def is_ready() -> bool:
        return await is_postgres_ready(layout, "postgres", secrets.superuser_password, "postgres")

    return ServerSpec(
        name="PostgreSQL",
        argv=(
            str(bin_dir / "postgres"),
            "-D",
            str(layout.cluster.resolve()),
            *(argument for name, value in options.items() for argument in ("-c", f"{name}={value}")),
        ),
        process_user=process_user,
        log_path=layout.logs / "postgres.log",
        stop_signals=(signal.SIGINT, signal.SIGQUIT),  # SIGTERM would wait until all clients disconnect
        stop_timeout_s=30,
        is_ready=is_ready,
        clean_up=clean_up,
    )


async def is_postgres_ready(layout: DataLayout, user: str, password: str, database: str) -> bool:
    """Whether PostgreSQL accepts this login; raise SettingsError if it refuses the password."""
    if not (layout.sockets / f".s.PGSQL.{_PORT}").exists():
        return False
    import asyncpg  # 0.15 s, which pass while the server starts

    try:
        connection = await asyncpg.connect(
            host=str(layout.sockets), port=_PORT, user=user, password=password, database=database, timeout=5
        )
    except (OSError, TimeoutError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
        return False
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise SettingsError("MONYNHA_DATA_DIR: secrets.json there does not belong to its database") from error
    await connection.close()
    return True
