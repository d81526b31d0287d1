"""Processor seconds of every test, and a session that fails where one takes more than it may.

Of the process and of those it started and waited for: a busy machine makes waiting long, and work by little. Tests
against golden files may take what they need.
"""

import importlib
import os
from collections import defaultdict

import pytest

SHOWN = 25


def processor_seconds():
    return sum(os.times()[:4])


class Budget:
    """Reports carry a phase's seconds, as workers of xdist hand on nothing else."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.taken = defaultdict(float)
        self.goldens = set()

    def pytest_collection_finish(self):
        """What every process imports once is no test's."""
        importlib.import_module("tensorflow")
        importlib.import_module("keras_resnet_recipes")

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item):
        self.begun = processor_seconds()
        yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        now = processor_seconds()
        report = outcome.get_result()
        report.processor_seconds = now - self.begun
        report.has_golden = "golden" in getattr(item, "fixturenames", ())
        self.begun = now

    def pytest_runtest_logreport(self, report):
        self.taken[report.nodeid] += getattr(report, "processor_seconds", 0.0)
        if getattr(report, "has_golden", False):
            self.goldens.add(report.nodeid)

    def offenders(self):
        over = {name for name, taken in self.taken.items() if taken > self.seconds}
        return sorted(over - self.goldens)

    def pytest_sessionfinish(self, session):
        if not hasattr(session.config, "workerinput") and self.offenders():
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        slowest = sorted(self.taken.items(), key=lambda pair: -pair[1])
        terminalreporter.section(f"processor seconds, {sum(self.taken.values()):.0f} in all")
        for name, taken in slowest[:SHOWN]:
            terminalreporter.line(f"{taken:7.2f} {name}")
        for name in self.offenders():
            over = f"{self.taken[name]:.1f} of {self.seconds:g} seconds: mark it `full`, or make it"
            terminalreporter.line(f"OVER BUDGET {name} takes {over} smaller", red=True)


def add_option(parser):
    parser.addoption(
        "--budget",
        type=float,
        metavar="SECONDS",
        help="fail where a test takes more processor time than this",
    )


def configure(config):
    if config.getoption("--budget") is not None:
        config.pluginmanager.register(Budget(config.getoption("--budget")), "budget")
