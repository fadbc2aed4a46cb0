"""`monynha serve`: run the program."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from monynha.app.commands.options import DataDir, read_settings, run


def serve(
    *,
    host: Annotated[str | None, Parameter(help="The address to listen on (MONYNHA_HOST).")] = None,
    port: Annotated[str | None, Parameter(help="The port to listen on (MONYNHA_PORT).")] = None,
    data_dir: DataDir = None,
    workers: Annotated[
        str | None, Parameter(help="The number of processes that serve requests (MONYNHA_WORKERS).")
    ] = None,
    services: Annotated[str | None, Parameter(help="The parts of the program that run (MONYNHA_SERVICES).")] = None,
) -> None:
    """Run the program.

    It runs an embedded PostgreSQL and Valkey, unless DATABASE_URL and REDIS_URL are set.
    It prints one line with its URL when it is ready, and stops on Ctrl-C.

    Example: monynha serve --port 9000 --data-dir /srv/monynha
    """
    settings = read_settings(data_dir=data_dir, host=host, port=port, workers=workers, services=services)
    from monynha.app.serving.lifecycle import serve as run_until_stopped

    run(run_until_stopped(settings))
