"""Real hosts: every test here drives the real command line against a lab host of its own worker.

`pytest -n 2 tests/lab` gives each worker a lab, named after the run, so that two runs on one
machine don't meet. Each test begins on a host as `lab up` leaves it. With DEPLOYCTL_KEEP_LAB=1 the
labs are named `t-gw0`, `t-gw1` (`t-main` without `-n`) and stay up, which saves half a minute on
the next run and lets a person look at what a failed test left.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from deployctl.lab.docker import LabError
from deployctl.lab.machine import Host
from deployctl.lab.service import Lab

# What a helper asserts is told as fully as what a test does.
pytest.register_assert_rewrite("tests.lab.expect")

from .client import Client  # noqa: E402
from .server import Before, Server  # noqa: E402

TOGETHER = frozenset(
    {"test_guard", "test_lab_itself", "test_prometheus_and_endpoints", "test_retention"}
)
"""files whose tests share a host that takes long to make: they go to one worker, and first"""
QUICK = {"min_healthy": "1s", "deadline": "30s"}
"""A release that is fine is soon proven; one that isn't is given up when it has shown it."""


class SharedHosts(LoadScopeScheduling):
    """Tests go to whichever worker is free, but for files that belong together.

    pytest-xdist's own groups do nothing under pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if Path(file).stem in TOGETHER else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return SharedHosts(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.lab)


@pytest.fixture(scope="session")
def worker() -> str:
    """The worker's name, and but for labs that are kept, the run's as well."""
    name = os.environ.get("PYTEST_XDIST_WORKER", "main")
    if os.environ.get("DEPLOYCTL_KEEP_LAB"):
        return name
    return f"{os.environ.get('PYTEST_XDIST_TESTRUNUID', str(os.getpid()))[:6]}-{name}"


@pytest.fixture(scope="session")
def lab(worker: str) -> Iterator[Lab]:
    lab = Lab(f"t-{worker}")
    try:
        lab.up()
    except LabError:  # an earlier run was killed and left a host that can't serve
        lab.down()
        lab.up()
    yield lab
    if not os.environ.get("DEPLOYCTL_KEEP_LAB"):
        lab.down()


@pytest.fixture(scope="session")
def first_server(lab: Lab) -> Server:
    host: Host = lab.hosts[0]
    return Server(host)


@pytest.fixture
def server(first_server: Server) -> Server:
    """The host with the first release running, and three orders in its database."""
    first_server.refresh()
    return first_server


@pytest.fixture
def before(server: Server) -> Before:
    """What the host looked like before the test did anything."""
    return server.look()


@pytest.fixture
def make_client(lab: Lab, server: Server, tmp_path: Path) -> Callable[..., Client]:
    """A client whose settings are the lab's, but for what is given by name."""

    def make(**changes: object) -> Client:
        return Client(lab.record, server.host.record, tmp_path, {"rollout": QUICK, **changes})

    return make


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    return make_client()
