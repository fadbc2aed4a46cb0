"""Pytest plugin that fails the run if a test was skipped: `pytest -p tests.fail_on_skips`."""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the session if any test was skipped."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not (skipped := reporter.stats.get("skipped")):
        return
    reporter.write_line(f"\n{len(skipped)} skipped: every test must run here", red=True)
    session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
