"""What a client asks for when it joins a channel, read with patience: older clients leave much out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class JoinParams:
    """A join's configuration."""

    postgres_changes: tuple[dict[str, Any], ...] = ()
    """The bindings as the client wrote them, which the reply echoes."""
    wants_ack: bool = False
    receives_own_broadcasts: bool = False
    presence_key: str = ""
    has_presence: bool = True
    is_private: bool = False
    waits_for_postgres_changes: bool = False
    resume_token: object = None
    token: object = None

    @classmethod
    def parse(cls, payload: dict[str, Any]) -> JoinParams:
        """Read a join's payload; what is not understood is as if it were not there."""
        config = _as_object(payload.get("config"))
        broadcast, presence = _as_object(config.get("broadcast")), _as_object(config.get("presence"))
        bindings = config.get("postgres_changes")
        key = presence.get("key")
        return cls(
            postgres_changes=tuple(one for one in bindings if isinstance(one, dict))
            if isinstance(bindings, list)
            else (),
            wants_ack=_as_flag(broadcast.get("ack")),
            receives_own_broadcasts=_as_flag(broadcast.get("self")),
            presence_key=key[:255] if isinstance(key, str) else "",
            # Clients from before 2025 do not say, and need it.
            has_presence=presence.get("enabled") is None or _as_flag(presence.get("enabled")),
            is_private=_as_flag(config.get("private")),
            waits_for_postgres_changes=_as_flag(_as_object(config.get("postgres_changes_options")).get("wait")),
            # The official clients pass on what stands in `broadcast`, but not what stands beside it.
            resume_token=config.get("since", broadcast.get("since")),
            token=payload.get("access_token", payload.get("user_token")),
        )


def _as_object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_flag(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
