"""What `monynha audit verify` says about seals that do not fit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from monynha.app.maintenance.audit_report import verify_audit_log
from monynha.domains.audit.seals import AuditSeals, CheckedSeal

pytestmark = pytest.mark.anyio

AT = datetime(2026, 11, 27, tzinfo=UTC)
INTACT = CheckedSeal(1, "a" * 64, 2, 2, AT, AT, is_pruned=False, is_chained=True, is_intact=True, is_signed=True)
PERIOD = "between 2026-11-27T00:00:00.000000Z and 2026-11-27T00:00:00.000000Z"


@dataclass(frozen=True)
class GivenSeals(AuditSeals):
    """Seals as if they had been checked."""

    given: tuple[CheckedSeal, ...] = ()

    async def check(self) -> AsyncIterator[CheckedSeal]:  # type: ignore[override]  # an iterator is all that is read
        for seal in self.given:
            yield seal

    async def count_unsealed(self) -> int:
        return 0


async def messages(*seals: CheckedSeal) -> list[str]:
    """Return what is said about the seals."""
    report = await verify_audit_log(GivenSeals(None, "", seals))  # type: ignore[arg-type]  # no database is asked
    return [finding.message for finding in report.findings]


@pytest.mark.parametrize(
    ("seal", "message"),
    [
        (replace(INTACT, number=3), "Seals 1 to 2 are missing."),
        (replace(INTACT, is_chained=False), "Seal 1 was altered, or the one before it."),
        (
            replace(INTACT, is_signed=False),
            "Seal 1 was not made by this program: its signature is wrong.",
        ),
        (
            replace(INTACT, is_intact=False, changed_events={"removed": [*range(12)], "altered": [20]}),
            f"Events of seal 1, {PERIOD}, were changed: removed 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and others; altered 20.",
        ),
        (
            replace(INTACT, is_intact=False, found_count=0),
            f"Events of seal 1, {PERIOD}, were changed: 0 events are there and 2 were sealed.",
        ),
        (
            replace(INTACT, is_intact=False, is_pruned=True),
            f"Events of seal 1, {PERIOD}, had been changed before the retention deleted them.",
        ),
    ],
)
async def test_a_finding_says_what_was_changed_and_when(seal: CheckedSeal, message: str) -> None:
    assert await messages(seal) == [message]


async def test_intact_seals_are_counted_and_nothing_is_said() -> None:
    seals = (INTACT, replace(INTACT, number=2, hash="b" * 64, is_pruned=True, is_signed=None))
    report = await verify_audit_log(GivenSeals(None, "", seals))  # type: ignore[arg-type]  # no database is asked

    assert report.to_json() == {
        "intact": True,
        "findings": [],
        "seals": 2,
        "sealedEvents": 4,
        "prunedEvents": 2,
        "unsealedEvents": 0,
        "sealsOfOtherKeys": 1,
        "head": {"number": 2, "hash": "b" * 64},
    }
