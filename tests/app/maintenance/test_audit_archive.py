"""Old audit events: stored as files and then deleted, and nothing deleted that is not stored."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monynha.app.maintenance.audit_archive import AuditArchive
from monynha.app.maintenance.audit_report import verify_audit_log
from monynha.domains.audit.retention import AuditRetention
from monynha.infra.storage import StorageUnavailableError, open_store
from monynha.infra.storage.local_store import LocalStore
from tests.domains.audit.conftest import SealedLog, own_database, sealed_log

pytestmark = pytest.mark.anyio

__all__ = ["own_database", "sealed_log"]


async def test_old_events_are_stored_by_seal_and_deleted(sealed_log: SealedLog, tmp_path: Path) -> None:
    await sealed_log.date_back(4)
    numbers = await sealed_log.seal("user.signed_up", "session.created")
    await sealed_log.date_back(2)
    await sealed_log.seal("session.ended")
    archive = AuditArchive(AuditRetention(sealed_log.database), open_store(tmp_path.as_uri()))
    cutoff = datetime.now(UTC) - timedelta(days=3)

    counts = [await archive.archive_before(cutoff) for _ in range(2)]

    [path] = (tmp_path / "archive/audit").rglob("*.gz")
    assert path.name.startswith(f"{(datetime.now(UTC) - timedelta(days=4)):%Y-%m-%d}-seal-1-")
    events = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert [(event["number"], event["action"]) for event in events] == [
        (numbers[0], "user.signed_up"),
        (numbers[1], "session.created"),
    ]
    assert counts == [2, 0]
    report = await verify_audit_log(sealed_log.seals)
    assert (report.findings, report.pruned_count, report.sealed_count) == ([], 2, 3)


class AbsentStore(LocalStore):
    """An object store that is away."""

    async def put(self, key: str, body: bytes | AsyncIterable[bytes | bytearray]) -> int:
        """Fail."""
        raise StorageUnavailableError()


async def test_a_storage_that_is_away_deletes_nothing(sealed_log: SealedLog, tmp_path: Path) -> None:
    await sealed_log.date_back(4)
    await sealed_log.seal("user.signed_up")
    archive = AuditArchive(AuditRetention(sealed_log.database), AbsentStore(tmp_path))

    with pytest.raises(StorageUnavailableError):
        await archive.archive_before(datetime.now(UTC))

    report = await verify_audit_log(sealed_log.seals)
    assert (report.findings, report.pruned_count) == ([], 0)
