"""`monynha audit`: check that nothing was removed from the audit log, and nothing changed in it."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from monynha.app.command_error import CommandError
from monynha.app.commands.options import AsJson, DataDir, read_settings, run
from monynha.core.settings.settings import Settings

if TYPE_CHECKING:
    from monynha.app.maintenance.audit_report import AuditReport

audit = App(
    name="audit",
    help="Check the audit log.\n\nExample: monynha audit verify",
)


@audit.command
def verify(
    *,
    anchor: Annotated[
        str | None,
        Parameter(help="A seal that was kept elsewhere, as NUMBER:HASH; the chain must still contain it."),
    ] = None,
    seal: Annotated[bool, Parameter(help="Seal what is not sealed yet first.", negative="")] = False,
    data_dir: DataDir = None,
    json_: AsJson = False,
) -> None:
    """Compare the audit log with its seals: a chain of hashes that the program makes each hour.

    The exit code is 1 if something was removed, added or altered. Events since the last seal are not covered.

    Example: monynha audit verify --json
    """
    kept_seal = None if anchor is None else _parse_anchor(anchor)
    run(_verify(read_settings(data_dir=data_dir), kept_seal, seals_first=seal, as_json=json_))


async def _verify(settings: Settings, anchor: tuple[int, str] | None, *, seals_first: bool, as_json: bool) -> None:
    from monynha.app.commands.command_context import command_context
    from monynha.app.maintenance.audit_report import verify_audit_log
    from monynha.domains.audit.seals import AuditSeals

    async with command_context(settings) as context:
        seals = AuditSeals(context.database, settings.jwt_secret)
        if seals_first:
            await seals.seal()
        report = await verify_audit_log(seals, anchor)
    print(json.dumps(report.to_json()) if as_json else _describe(report))
    if report.findings:
        sys.exit(1)


def _describe(report: AuditReport) -> str:
    lines = [finding.message for finding in report.findings]
    lines.append(
        f"{report.seal_count} seals cover {report.sealed_count} events, of which {report.pruned_count} were deleted "
        f"by the retention; {report.unsealed_count} events are not sealed yet."
    )
    if report.head is not None:
        lines.append(f"The newest seal is {report.head[0]}:{report.head[1]}; keep it elsewhere for --anchor.")
    if report.unsigned_count:
        lines.append(f"{report.unsigned_count} seals are signed with another key, which cannot be checked.")
    lines.append("Something was changed." if report.findings else "Nothing was changed.")
    return "\n".join(lines)


def _parse_anchor(text: str) -> tuple[int, str]:
    number, colon, digest = text.partition(":")
    is_hash = len(digest) == 64 and all(letter in "0123456789abcdef" for letter in digest.lower())
    if not (colon and number.isascii() and number.isdigit() and len(number) <= 18 and is_hash):
        raise CommandError("--anchor must be the number of a seal, a colon, and its hash of 64 hexadecimal digits")
    return int(number), digest.lower()
