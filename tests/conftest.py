"""One stack for all tests that ask as a client; every test finds it well-behaved."""

import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.settings import GraphQLSettings
from tests.stack import DOMAINS, Stack, stacked

gc.set_threshold(50_000, 20, 100)  # as the gateway serves: what a test makes goes with its last reference

OPERATIONS = Path(__file__).parent.parent / "web/src/operations"


@pytest_asyncio.fixture(scope="session")
async def _stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with stacked(tmp_path_factory.mktemp("stack")) as running:
        yield running


@pytest.fixture
def stack(_stack: Stack) -> Iterator[Stack]:
    """The session's stack, reset."""
    _stack.reset()
    yield _stack
    for system in _stack.systems.values():
        system.switches.reset()


TIMEOUT = 2.0
"""Seconds that the impatient stack waits for a system."""


@pytest_asyncio.fixture(scope="session")
async def _impatient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    timeouts = {domain: {"timeout": TIMEOUT} for domain in DOMAINS}
    graphql = GraphQLSettings(trace="signed-in with keys", deadline=2.4 * TIMEOUT)
    async with stacked(tmp_path_factory.mktemp("impatient"), systems=timeouts, graphql=graphql) as running:
        yield running


@pytest.fixture
def impatient(_impatient: Stack) -> Stack:
    """The session's stack for systems that hang, reset: it waits only briefly."""
    _impatient.reset()
    return _impatient


def contract(name: str) -> str:
    """A document that clients send, word for word."""
    return (OPERATIONS / f"{name}.graphql").read_text(encoding="utf-8")
