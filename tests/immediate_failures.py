"""A plugin of pytest that tells what failed when it fails, not at the end: `pytest -p tests.immediate_failures`."""

from __future__ import annotations

import pytest

_configs: list[pytest.Config] = []


def pytest_configure(config: pytest.Config) -> None:
    """Remember where to tell it."""
    _configs.append(config)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Tell it: a run that is ended from outside has then said what it knew."""
    reporter = _configs[0].pluginmanager.get_plugin("terminalreporter")
    if report.failed and reporter is not None:
        reporter.write_line(f"\n{report.when} of {report.nodeid} failed:\n{report.longreprtext}", red=True)
