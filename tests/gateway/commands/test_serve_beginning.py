"""What a worker and the process above it are to each other: how long it may take to begin, and when it ends."""

import os
import secrets
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.commands import workers
from gateway.commands.ending import LeavingConfig
from gateway.commands.reloading import ReloadingServer
from gateway.commands.service_manager import tell_ready
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


def test_systemd_is_told_by_a_socket_without_a_file_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"opticom-test-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as told:
        told.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        tell_ready()
        assert told.recv(100) == b"READY=1"
        monkeypatch.delenv("NOTIFY_SOCKET")
        tell_ready()
        with pytest.raises(BlockingIOError):
            told.recv(100)


def test_a_systemd_that_cannot_be_told_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    tell_ready()
    (line,) = caplog.messages
    assert line.startswith(f"systemd cannot be told that the gateway serves (NOTIFY_SOCKET={tmp_path}/gone): ")
