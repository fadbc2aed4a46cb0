"""Notices of the event triggers are parsed; every other notice is ignored."""

from __future__ import annotations

from uuid import UUID

import pytest

from monynha.infra.postgres.stream_version import StreamVersion, parse_notice

FIRST, SECOND = UUID(int=1), UUID(int=2)


def test_notice_of_the_triggers_lists_stream_versions() -> None:
    notice = f"monynha:project {FIRST} 7,user {SECOND} 12"

    assert parse_notice(notice) == (StreamVersion("project", FIRST, 7), StreamVersion("user", SECOND, 12))


@pytest.mark.parametrize("notice", ["", "table does not exist, skipping", f"project {FIRST} 7"])
def test_other_notices_are_ignored(notice: str) -> None:
    assert parse_notice(notice) == ()
