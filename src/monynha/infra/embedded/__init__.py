"""PostgreSQL and Valkey inside the program: started, supervised, joined and stopped."""

from monynha.infra.embedded.binaries import find_postgres
from monynha.infra.embedded.locks import served_at, serving
from monynha.infra.embedded.servers import Servers, keep_secret, made_secret, servers, with_secrets

__all__ = [
    "Servers",
    "find_postgres",
    "keep_secret",
    "made_secret",
    "served_at",
    "servers",
    "serving",
    "with_secrets",
]
