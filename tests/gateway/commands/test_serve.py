"""`gateway serve`, as an operator starts it: one process or several, tokens of the settings' issuer only."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.commands.demo_keys import RULES, DemoKeys
from gateway.commands.listening import check_free
from resolvers.viewer import ViewerKind
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer
from tests.gateway.commands.running import PATIENCE, ROOT, InProcess, environment, free_ports


@pytest.fixture(scope="module")
def systems() -> Iterator[str]:
    """The settings' sections for four systems that run."""
    world = World(customers=4)
    running = {system: SandboxServer(system, world=world).start() for system in SYSTEMS}
    yield "".join(f'[systems.{name}]\nurl = "{server.url}"\n' for name, server in running.items())
    for server in running.values():
        server.stop()


def ask(port: int, token: str) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    body = json.dumps({"query": "{ me { id } }"}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def metrics(port: int) -> dict[str, float]:
    """Name with labels to value."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        lines = [line.rpartition(" ") for line in answer.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in lines}


@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.long), 2])
def test_serve(tmp_path: Path, systems: str, run: InProcess, workers: int) -> None:
    keys = DemoKeys.create(tmp_path / "issuer.pem")
    (tmp_path / "jwks.json").write_bytes(keys.jwks())
    port = free_ports(2)
    metrics_port = port + 1
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'{systems}\n[auth]\nissuer = "{RULES.issuer}"\naudience = "{RULES.audience}"\njwks_file = "jwks.json"\n'
        f'[server]\nport = {port}\nworkers = {workers}\nmetrics_port = {metrics_port}\n[log]\nformat = "json"\n',
        encoding="utf-8",
    )
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(str(tmp_path / "notify"))
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "--config", str(config)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**environment(tmp_path), "NOTIFY_SOCKET": str(tmp_path / "notify")},
        start_new_session=True,
    )
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        assert process.stderr is not None
        lines = []
        for text in process.stderr:
            lines.append(json.loads(text))
            said = [line["message"] for line in lines]
            # One process listens after its start, several share a port that was opened before it.
            if said.count("Application startup complete.") == workers and "listening on" in "".join(said):
                break
        started = [line for line in lines if re.match(r"Started server process", line["message"])]
        assert len(started) == workers, lines
        assert said.count("Application startup complete.") == workers, lines
        assert ask(port, keys.token(ViewerKind.CUSTOMER, "1001")) == (200, {"data": {"me": {"id": "Customer:1001"}}})
        for _ in range(8):  # whichever worker was asked, and whichever shows its metrics
            counted = metrics(metrics_port)
            assert counted['gateway_operations_total{executor="plan"}'] == 1
        weights = [value for name, value in counted.items() if name.startswith("gateway_worker_resident_memory_bytes")]
        assert len(weights) == workers
        assert all(value > 30e6 for value in weights)
        assert sum("is ready" in line for line in said) == workers
        told.settimeout(PATIENCE)
        assert [told.recv(100) for _ in range(workers)] == [b"READY=1"] * workers  # to systemd, whose unit waits for it
        # What the demo accepts, serve does not, even where issuer and audience are called the same.
        status, answer = ask(port, DemoKeys.create(tmp_path / "demo.pem").token(ViewerKind.ADMIN))
        assert (status, answer["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")

        second = run("serve", "--config", str(config))
        assert second.returncode == 1
        assert second.stderr == (
            f"Port {port} on 127.0.0.1 is in use by another program. "
            f"Choose another one with server.port in {config}, or GATEWAY_SERVER__PORT.\n"
        )
        if workers > 1:
            killed = re.sub(r"\D", "", started[0]["message"])
            os.kill(int(killed), signal.SIGKILL)
            warned = (line for line in map(json.loads, process.stderr) if line["level"] == "warning")
            assert next(warned)["message"] == f"worker {killed} has ended (exit code -9); another takes its place"
            assert told.recv(100) == b"READY=1"
    finally:
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate()
        watchdog.cancel()
        told.close()
    assert process.returncode == 0
    assert "Traceback" not in rest
    check_free("127.0.0.1", port)
