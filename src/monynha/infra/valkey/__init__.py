"""Valkey, for data that may be lost: published messages and rate limits.

- `client`: commands over one pipelined connection that reconnects by itself.
- `pubsub`: subscriptions to channels.
- `rate_limiter`: sliding windows shared by all processes (its script is `rate_limiter.lua`).
- `leased_rate_limit`: the same for frequent requests, counted in batches.
"""

from monynha.infra.valkey.client import Reply, Script, ValkeyClient, ValkeyUnavailableError
from monynha.infra.valkey.leased_rate_limit import LeasedRateLimit
from monynha.infra.valkey.pubsub import PubSub
from monynha.infra.valkey.rate_limiter import RateLimiter, RateLimitResult, RateLimitWindow, address_digest

__all__ = [
    "LeasedRateLimit",
    "PubSub",
    "RateLimitResult",
    "RateLimitWindow",
    "RateLimiter",
    "Reply",
    "Script",
    "ValkeyClient",
    "ValkeyUnavailableError",
    "address_digest",
]
