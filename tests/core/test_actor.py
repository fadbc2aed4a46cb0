"""Actors: only the anonymous kind is anonymous, whatever else is set."""

from __future__ import annotations

from dataclasses import replace

from monynha.core.actor import ANONYMOUS, Actor, ActorKind, system_actor


def test_only_an_actor_without_credentials_is_anonymous() -> None:
    assert ANONYMOUS.is_anonymous
    assert [kind for kind in ActorKind if Actor(kind).is_anonymous] == [ActorKind.ANONYMOUS]
    assert not replace(ANONYMOUS, kind=ActorKind.USER).is_anonymous


def test_part_of_the_program_is_an_actor_with_its_name() -> None:
    assert system_actor("hub") == Actor(ActorKind.SYSTEM, name="hub")
