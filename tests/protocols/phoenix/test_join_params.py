"""What a client asks for when it joins; whatever is not understood counts as absent."""

from __future__ import annotations

from typing import Any

import pytest

from monynha.protocols.phoenix.join_params import JoinParams


def test_configuration_is_read() -> None:
    binding: dict[str, object] = {"event": "*", "table": "tasks"}
    config = {
        "broadcast": {"ack": True, "self": "true", "since": "token"},
        "presence": {"key": "ada", "enabled": False},
        "postgres_changes": [binding, "junk"],
        "postgres_changes_options": {"wait": True},
        "private": "True",
    }

    assert JoinParams.parse({"config": config, "access_token": "t"}) == JoinParams(
        postgres_changes=(binding,),
        wants_ack=True,
        receives_own_broadcasts=True,
        presence_key="ada",
        has_presence=False,
        is_private=True,
        waits_for_postgres_changes=True,
        resume_token="token",
        token="t",
    )


@pytest.mark.parametrize(
    "payload",
    [{}, {"config": None}, {"config": {"broadcast": 1, "presence": [], "postgres_changes": {}, "private": "no"}}],
    ids=range(3),
)
def test_default_is_a_public_topic_with_presence(payload: dict[str, Any]) -> None:
    assert JoinParams.parse(payload) == JoinParams()


def test_old_and_new_places_of_token_and_resume_token_are_read() -> None:
    assert JoinParams.parse({"user_token": "old"}).token == "old"
    assert JoinParams.parse({"config": {"since": "beside"}}).resume_token == "beside"
