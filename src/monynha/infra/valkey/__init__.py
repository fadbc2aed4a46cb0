"""Valkey: what may be lost. Limits that all replicas share, with a stand-in of each process."""

from monynha.infra.valkey.client import Script, ValkeyClient
from monynha.infra.valkey.connection import ValkeyUnavailableError
from monynha.infra.valkey.pubsub import PubSub
from monynha.infra.valkey.rate_limiter import RateLimiter, RateLimitResult, RateLimitWindow

__all__ = [
    "PubSub",
    "RateLimitResult",
    "RateLimitWindow",
    "RateLimiter",
    "Script",
    "ValkeyClient",
    "ValkeyUnavailableError",
]
