"""What a client asks for when it joins a channel. Parsing is lenient, since older clients omit or misname much."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_MAX_PRESENCE_KEY_LENGTH = 255


@dataclass(frozen=True)
class JoinParams:
    """The configuration of a join."""

    postgres_changes: tuple[dict[str, object], ...] = ()
    """The bindings as the client sent them; the reply echoes them."""
    wants_ack: bool = False
    """Whether broadcasts of the client are acknowledged."""
    receives_own_broadcasts: bool = False
    presence_key: str = ""
    has_presence: bool = True
    is_private: bool = False
    waits_for_postgres_changes: bool = False
    """Whether an invalid binding refuses the join."""
    resume_token: object = None
    token: object = None

    @classmethod
    def parse(cls, payload: Mapping[str, object]) -> JoinParams:
        """Parse the payload of `phx_join`; what is not understood counts as absent."""
        config = _as_object(payload.get("config"))
        broadcast, presence = _as_object(config.get("broadcast")), _as_object(config.get("presence"))
        bindings = config.get("postgres_changes")
        key = presence.get("key")
        return cls(
            postgres_changes=tuple(binding for binding in bindings if isinstance(binding, dict))
            if isinstance(bindings, list)
            else (),
            wants_ack=_as_flag(broadcast.get("ack")),
            receives_own_broadcasts=_as_flag(broadcast.get("self")),
            presence_key=key[:_MAX_PRESENCE_KEY_LENGTH] if isinstance(key, str) else "",
            # Clients from before 2025 do not send `enabled`, and expect presence.
            has_presence=presence.get("enabled") is None or _as_flag(presence.get("enabled")),
            is_private=_as_flag(config.get("private")),
            waits_for_postgres_changes=_as_flag(_as_object(config.get("postgres_changes_options")).get("wait")),
            # The official clients pass on unknown keys inside `broadcast`, but not beside it.
            resume_token=config.get("since", broadcast.get("since")),
            token=payload.get("access_token", payload.get("user_token")),
        )


def _as_object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _as_flag(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
