"""PostgreSQL and Valkey inside the program: started, supervised, joined and stopped."""

from monynha.infra.embedded.locks import served_at, serving
from monynha.infra.embedded.servers import Servers, servers, with_secrets

__all__ = ["Servers", "served_at", "servers", "serving", "with_secrets"]
