"""The report of `monynha audit verify`: what does not fit the seals of the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from monynha.core.serialization import format_timestamp
from monynha.domains.audit.seals import AuditSeals, CheckedSeal


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was changed: which seal shows it, and what it is."""

    seal: int
    message: str
    events: dict[str, list[int]] = field(default_factory=dict)


@dataclass
class AuditReport:
    """What was checked, and what was found."""

    findings: list[Finding] = field(default_factory=list)
    seal_count: int = 0
    sealed_count: int = 0
    pruned_count: int = 0
    unsigned_count: int = 0
    unsealed_count: int = 0
    head: tuple[int, str] | None = None
    """Number and hash of the newest seal."""

    def to_json(self) -> dict[str, object]:
        """Return the report as `--json` prints it."""
        return {
            "intact": not self.findings,
            "findings": [
                {"seal": finding.seal, "message": finding.message, "events": finding.events}
                for finding in self.findings
            ],
            "seals": self.seal_count,
            "sealedEvents": self.sealed_count,
            "prunedEvents": self.pruned_count,
            "unsealedEvents": self.unsealed_count,
            "sealsOfOtherKeys": self.unsigned_count,
            "head": None if self.head is None else {"number": self.head[0], "hash": self.head[1]},
        }


async def verify_audit_log(seals: AuditSeals, anchor: tuple[int, str] | None = None) -> AuditReport:
    """Check all seals; `anchor` is the number and hash of one that must be among them."""
    report, previous_number = AuditReport(), 0
    is_anchored = anchor is None
    async for seal in seals.check():
        report.findings += _findings(seal, previous_number)
        report.seal_count += 1
        report.sealed_count += seal.event_count
        report.pruned_count += seal.event_count if seal.is_pruned else 0
        report.unsigned_count += seal.is_signed is None
        report.head = (seal.number, seal.hash)
        is_anchored = is_anchored or report.head == anchor
        previous_number = seal.number
    if anchor is not None and not is_anchored:
        report.findings.append(Finding(anchor[0], f"Seal {anchor[0]} with the hash of --anchor is not in the chain."))
    report.unsealed_count = await seals.count_unsealed()
    return report


def _findings(seal: CheckedSeal, previous_number: int) -> Iterator[Finding]:
    if seal.number != previous_number + 1:
        yield Finding(seal.number, f"Seals {previous_number + 1} to {seal.number - 1} are missing.")
    elif not seal.is_chained:
        yield Finding(seal.number, f"Seal {seal.number} was altered, or the one before it.")
    if seal.is_signed is False:
        yield Finding(seal.number, f"Seal {seal.number} was not made by this program: its signature is wrong.")
    if not seal.is_intact:
        yield Finding(seal.number, _describe_events(seal), seal.changed_events)


def _describe_events(seal: CheckedSeal) -> str:
    period = f"between {format_timestamp(seal.first_at)} and {format_timestamp(seal.last_at)}"
    if seal.is_pruned:
        return f"Events of seal {seal.number}, {period}, had been changed before the retention deleted them."
    changes = [
        f"{change} {', '.join(map(str, numbers[:10]))}{' and others' if len(numbers) > 10 else ''}"
        for change, numbers in seal.changed_events.items()
    ]
    what = "; ".join(changes) or f"{seal.found_count} events are there and {seal.event_count} were sealed"
    return f"Events of seal {seal.number}, {period}, were changed: {what}."
