"""Pytest plugin that prints each failure at once, not at the end: `pytest -p tests.immediate_failures`."""

from __future__ import annotations

import pytest

_configs: list[pytest.Config] = []


def pytest_configure(config: pytest.Config) -> None:
    """Keep the configuration to find the terminal reporter."""
    _configs.append(config)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Print the failure, so that it is not lost if the run is killed."""
    reporter = _configs[0].pluginmanager.get_plugin("terminalreporter")
    if report.failed and reporter is not None:
        reporter.write_line(f"\n{report.when} of {report.nodeid} failed:\n{report.longreprtext}", red=True)
