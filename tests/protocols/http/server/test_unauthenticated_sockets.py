"""The limit of unauthenticated sockets of one client."""

from __future__ import annotations

from monynha.protocols.http.server.unauthenticated_sockets import UnauthenticatedSockets


def test_each_client_has_so_many_sockets() -> None:
    sockets = UnauthenticatedSockets(max_per_client=2)
    slots = [sockets.acquire("192.0.2.1") for _ in range(3)]

    assert [slot is not None for slot in slots] == [True, True, False]
    assert sockets.acquire("192.0.2.2") is not None


def test_a_slot_is_released_once() -> None:
    sockets = UnauthenticatedSockets(max_per_client=1)
    slot = sockets.acquire("192.0.2.1")
    assert slot is not None

    slot.release()
    slot.release()

    assert [sockets.acquire("192.0.2.1") is not None for _ in range(2)] == [True, False]
