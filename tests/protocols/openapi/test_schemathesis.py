"""Schemathesis: the program responds to generated requests, valid and invalid, as the document says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.journeys.program import ROOT
from tests.protocols.openapi.conftest import Owner

HERE = Path(__file__).parent
MIN_REQUESTS = 1_500
"""An empty document must not pass."""


def test_schemathesis_finds_no_difference(owner: Owner, tmp_path: Path) -> None:
    max_examples = os.environ.get("MONYNHA_TEST_REQUESTS")
    completed = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"),
            *(() if max_examples else ("--config-file", str(HERE / "schemathesis.toml"))),
            *("run", f"{owner.url}/openapi.json", "--header", f"Authorization: Bearer {owner.token}"),
            *("--checks", "all", "--mode", "all", "--continue-on-failure", "--no-color", "--seed", "1"),
            *(("--max-examples", max_examples) if max_examples else ()),
            # Its response never ends; tests/protocols/rest/test_sse.py covers it.
            *("--exclude-path", "/api/v1/projects/{id}/events"),
        ],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "SCHEMATHESIS_HOOKS": "tests.protocols.openapi.schemathesis_hooks",
            "MONYNHA_TEST_OWNER": owner.id,
            "MONYNHA_TEST_STRANGERS": ",".join(":".join(account) for account in owner.other_accounts),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    generated_count = re.search(r"(\d+) generated", completed.stdout)

    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert generated_count
    assert int(generated_count[1]) >= MIN_REQUESTS
