"""One stack for all tests that ask as a client; every test finds it well-behaved."""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from tests.stack import Stack
# The gateway is imported where a stack is made: the process that only hands tests to workers needs none of it.

gc.set_threshold(50_000, 3, 700)  # as the gateway serves: what a test makes goes with its last reference

OPERATIONS = Path(__file__).parent.parent / "web/src/operations"


def pytest_configure(config: pytest.Config) -> None:
    """Each worker of `-n` begins to collect at another file, so that a file is compiled by one of them, not by all."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        files = sorted(str(path) for root in config.args for path in Path(root).rglob("test_*.py"))
        files = [path for path in files if "node_modules" not in path]
        first = len(files) * int(worker.removeprefix("gw")) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        config.args[:] = files[first:] + files[:first]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All workers must have the same order."""
    items.sort(key=lambda item: item.path)


def pytest_collection_finish() -> None:
    """Modules and collected tests stay to the end: the garbage collector need not look at them again and again."""
    gc.collect()
    gc.freeze()


_loops: list[asyncio.AbstractEventLoop] = []


@pytest_asyncio.fixture(scope="session", autouse=True)
async def _loop() -> None:
    _loops.append(asyncio.get_running_loop())


def _awaiting(inner: object) -> Iterator[str]:
    while inner is not None:
        frame = getattr(inner, "cr_frame", None) or getattr(inner, "ag_frame", None)
        yield f"{inner!r}" + (f", line {frame.f_lineno} of {frame.f_code.co_filename}" if frame else "")
        inner = getattr(inner, "cr_await", None) or getattr(inner, "ag_await", None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Of a test that ran into its timeout: where each of its tasks stands."""
    report = yield
    if report.failed and "Timeout" in report.longreprtext:
        for task in (task for loop in _loops for task in asyncio.all_tasks(loop)):
            report.sections.append((f"Task {task.get_name()}", "\n".join(_awaiting(task.get_coro()))))
    return report


@pytest_asyncio.fixture(scope="session")
async def _stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator["Stack"]:
    from tests.stack import stacked

    async with stacked(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest_asyncio.fixture
async def stack(_stack: "Stack") -> AsyncIterator["Stack"]:
    """The session's stack, reset."""
    _stack.reset()
    yield _stack
    for system in _stack.systems.values():
        system.switches.reset()
    await _stack.readiness.looked()  # where /readyz was asked: no later test counts its calls


TIMEOUT = 2.0
"""Seconds that the impatient stack waits for a system."""


@pytest_asyncio.fixture(scope="session")
async def _impatient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator["Stack"]:
    from gateway.settings import GraphQLSettings
    from tests.stack import DOMAINS, stacked

    timeouts = {domain: {"timeout": TIMEOUT} for domain in DOMAINS}
    graphql = GraphQLSettings(trace="signed-in with keys", deadline=2.4 * TIMEOUT)
    async with stacked(tmp_path_factory.mktemp("impatient"), systems=timeouts, graphql=graphql) as running:
        yield running


@pytest.fixture
def impatient(_impatient: "Stack") -> "Stack":
    """The session's stack for systems that hang, reset: it waits only briefly."""
    _impatient.reset()
    return _impatient


def contract(name: str) -> str:
    """A document that clients send, word for word."""
    return (OPERATIONS / f"{name}.graphql").read_text(encoding="utf-8")
