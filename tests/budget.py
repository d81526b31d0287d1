"""Measures the processor time of every test and fails the session if one exceeds the budget.

Counts the process and the child processes it waited for; unlike wall time, processor time hardly grows on a busy
machine. Tests against golden files are exempt.
"""

import importlib
import os
from collections import defaultdict

import pytest

SHOWN = 25


def processor_seconds():
    return sum(os.times()[:4])


class Budget:
    """Pytest plugin. The seconds travel on the reports, because xdist workers send nothing else."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.spent = defaultdict(float)
        self.exempt = set()

    def pytest_collection_finish(self):
        """Imports the packages first, so that no test is charged for it."""
        importlib.import_module("tensorflow")
        importlib.import_module("keras_resnet_recipes")

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        self.started = processor_seconds()
        yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        now = processor_seconds()
        report = outcome.get_result()
        report.processor_seconds = now - self.started
        report.has_golden = "golden" in getattr(item, "fixturenames", ())
        self.started = now

    def pytest_runtest_logreport(self, report):
        self.spent[report.nodeid] += getattr(report, "processor_seconds", 0.0)
        if getattr(report, "has_golden", False):
            self.exempt.add(report.nodeid)

    def offenders(self):
        over = {name for name, spent in self.spent.items() if spent > self.seconds}
        return sorted(over - self.exempt)

    def pytest_sessionfinish(self, session):
        if not hasattr(session.config, "workerinput") and self.offenders():
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        slowest = sorted(self.spent.items(), key=lambda pair: -pair[1])
        terminalreporter.section(f"processor seconds, {sum(self.spent.values()):.0f} in all")
        for name, spent in slowest[:SHOWN]:
            terminalreporter.line(f"{spent:7.2f} {name}")
        for name in self.offenders():
            used = f"{self.spent[name]:.1f} of {self.seconds:g} seconds"
            advice = "mark it `full` or make it smaller"
            terminalreporter.line(f"OVER BUDGET {name} takes {used}: {advice}", red=True)


def add_option(parser):
    parser.addoption(
        "--budget",
        type=float,
        metavar="SECONDS",
        help="fail if a test takes more processor time than this",
    )


def configure(config):
    if config.getoption("--budget") is not None:
        config.pluginmanager.register(Budget(config.getoption("--budget")), "budget")
