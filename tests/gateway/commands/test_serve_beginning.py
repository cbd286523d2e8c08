"""What a worker and the process above it are to each other: how long it may take to begin, and when it ends."""

import os
import time
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.commands import workers
from gateway.commands.ending import LeavingConfig
from gateway.commands.reloading import ReloadingServer
from gateway.commands.workers import Worker
from gateway.http.server import server_options
from gateway.server_settings import ServerSettings


def worker() -> Any:
    made = Worker(LeavingConfig("nothing:app", workers=2, leave_after=0.0), [])
    made.process = SimpleNamespace(is_alive=lambda: True)  # type: ignore[assignment]
    return made


def test_it_has_a_minute_to_begin_and_then_must_answer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    slow, clock = worker(), SimpleNamespace(monotonic=lambda: now)
    now = time.monotonic()
    monkeypatch.setattr(workers, "time", clock)
    for _ in range(3):
        assert slow.is_alive(timeout=0)
        now += 19.0
    slow.pong()  # it has imported everything
    assert slow.is_alive(timeout=0)
    now += 1000.0
    assert not slow.is_alive(timeout=0), "it hangs"
    slow.pong()  # that question's
    slow.process.is_alive = lambda: False
    assert not slow.is_alive(timeout=0)


def test_one_that_never_begins_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck, now = worker(), 0.0
    monkeypatch.setattr(workers, "time", SimpleNamespace(monotonic=lambda: now))
    assert stuck.is_alive(timeout=0)
    now = workers.STARTS_WITHIN + 0.1
    assert not stuck.is_alive(timeout=0)


async def test_a_worker_ends_without_the_process_above_it_and_a_single_process_outlives_who_started_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = LeavingConfig("nothing:app", leave_after=0.0, **server_options(ServerSettings(), 1024))
    servers = [Worker(config, []).server, ReloadingServer(config, lambda: config)]
    assert [await one.on_tick(1) for one in servers] == [False, False]
    monkeypatch.setattr(os, "getppid", lambda: 1)
    assert [await one.on_tick(1) for one in servers] == [True, False]
