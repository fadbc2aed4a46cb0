"""What a client asks for when it joins a channel, read with patience: older clients leave much out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Join:
    """A join's configuration."""

    asked: tuple[dict[str, Any], ...] = ()
    """The bindings as the client wrote them, which the reply echoes."""
    acks: bool = False
    hears_itself: bool = False
    presence_key: str = ""
    has_presence: bool = True
    is_private: bool = False
    waits: bool = False
    since: object = None
    token: object = None

    @classmethod
    def read(cls, payload: dict[str, Any]) -> Join:
        """Read a join's payload; what is not understood is as if it were not there."""
        config = _object(payload.get("config"))
        broadcast, presence = _object(config.get("broadcast")), _object(config.get("presence"))
        bindings = config.get("postgres_changes")
        key = presence.get("key")
        return cls(
            asked=tuple(one for one in bindings if isinstance(one, dict))
            if isinstance(bindings, list)
            else (),
            acks=_flag(broadcast.get("ack")),
            hears_itself=_flag(broadcast.get("self")),
            presence_key=key[:255] if isinstance(key, str) else "",
            # Clients from before 2025 do not say, and need it.
            has_presence=presence.get("enabled") is None or _flag(presence.get("enabled")),
            is_private=_flag(config.get("private")),
            waits=_flag(_object(config.get("postgres_changes_options")).get("wait")),
            # The official clients pass on what stands in `broadcast`, but not what stands beside it.
            since=config.get("since", broadcast.get("since")),
            token=payload.get("access_token", payload.get("user_token")),
        )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _flag(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
