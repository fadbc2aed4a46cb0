"""The document is true: what schemathesis makes of it, valid and not, is answered as it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.journeys.program import ROOT
from tests.protocols.openapi.conftest import Owner

HERE = Path(__file__).parent
LEAST = 1_500
"""How many requests it must come to, so that a document with nothing in it does not pass."""


def test_schemathesis_finds_nothing(owner: Owner, tmp_path: Path) -> None:
    more = os.environ.get("MONYNHA_TEST_REQUESTS")
    told = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            *(() if more else ("--config-file", str(HERE / "schemathesis.toml"))),
            *("run", f"{owner.url}/openapi.json", "--header", f"Authorization: Bearer {owner.token}"),
            *("--checks", "all", "--mode", "all", "--continue-on-failure", "--no-color", "--seed", "1"),
            *(("--max-examples", more) if more else ()),
            # An answer without an end is looked at in tests/protocols/rest/test_events.py.
            *("--exclude-path", "/api/v1/projects/{id}/events"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.protocols.openapi.facts",
            "MONYNHA_TEST_OWNER": owner.id,
            "MONYNHA_TEST_STRANGERS": ",".join(":".join(one) for one in owner.strangers),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"(\d+) generated", told.stdout)

    assert told.returncode == 0, told.stdout + told.stderr
    assert found
    assert int(found[1]) >= LEAST
