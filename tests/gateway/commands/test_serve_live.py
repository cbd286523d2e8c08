"""`gateway serve` ends: those who follow something are asked to connect anew, over both transports."""

import http.client
import json
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from gateway.commands.demo_keys import RULES, DemoKeys
from gateway.commands.listening import check_free
from resolvers.viewer import ViewerKind
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer
from tests.gateway.commands.running import PATIENCE, ROOT, environment, free_ports

DOCUMENT = "subscription { ticketChanged { event } }"


def stream(connection: http.client.HTTPConnection, token: str) -> http.client.HTTPResponse:
    """A subscription over SSE, which has begun."""
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
    connection.request("POST", "/graphql", json.dumps({"query": DOCUMENT}), headers)
    answer = connection.getresponse()
    assert (answer.status, answer.readline(), answer.readline()) == (200, b":\n", b"\n")
    return answer


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_clients_are_asked_to_connect_anew(tmp_path: Path, workers: int) -> None:
    keys, port = DemoKeys.create(tmp_path / "issuer.pem"), free_ports(1)
    (tmp_path / "jwks.json").write_bytes(keys.jwks())
    config = tmp_path / "gateway.toml"
    world = World(customers=4)
    systems = [SandboxServer(system, world=world).start() for system in SYSTEMS]
    config.write_text(
        "".join(f'[systems.{one.system}]\nurl = "{one.url}"\n' for one in systems)
        + f'[auth]\nissuer = "{RULES.issuer}"\naudience = "{RULES.audience}"\njwks_file = "jwks.json"\n'
        + f"[server]\nport = {port}\nworkers = {workers}\n"
        + f"[live]\nenabled = {'true' if workers == 1 else 'false'}\nleave = 0.5\n",  # two of them need Redis
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "--config", str(config)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(tmp_path),
        start_new_session=True,
    )
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        assert process.stderr is not None
        said = ""
        # One process listens after its start, several share a port that was opened before it.
        while said.count("Application startup complete.") < workers or "listening on" not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        token = keys.token(ViewerKind.AGENT)
        address = f"ws://127.0.0.1:{port}/graphql"
        with (
            closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection,
            connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None) as client,
        ):
            client.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
            assert client.recv(PATIENCE) == '{"type":"connection_ack"}'
            following = stream(connection, token) if workers == 1 else None
            process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(PATIENCE)
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "The gateway restarts: connect again.")
            if following is not None:
                told = following.read()
                assert told.startswith(b"retry: ")
                assert told.endswith(b"\n\nevent: complete\ndata:\n\n")
        _, rest = process.communicate()
        assert "Traceback" not in rest
        check_free("127.0.0.1", port)
    finally:
        process.kill()
        with process:  # its pipe is closed
            process.wait()
        watchdog.cancel()
        for one in systems:
            one.stop()
