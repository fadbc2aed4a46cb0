"""PostgreSQL and Valkey inside the program: started, supervised, joined and stopped."""

from monynha.infra.embedded.binaries import find_postgres
from monynha.infra.embedded.file_lock import hold_serve_lock, served_url
from monynha.infra.embedded.servers import (
    ServerUrls,
    adopt_jwt_secret,
    generated_jwt_secret,
    run_servers,
    with_jwt_secret,
)

__all__ = [
    "ServerUrls",
    "adopt_jwt_secret",
    "find_postgres",
    "generated_jwt_secret",
    "hold_serve_lock",
    "run_servers",
    "served_url",
    "with_jwt_secret",
]
