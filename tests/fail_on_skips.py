"""A plugin of pytest under which a skipped test counts as a failed one: `pytest -p tests.fail_on_skips`."""

from __future__ import annotations

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a session of which not every test was run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not (skipped := reporter.stats.get("skipped")):
        return
    reporter.write_line(f"\n{len(skipped)} skipped: here every test must run", red=True)
    session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
