"""`gateway serve` ends: those who follow something are asked to connect anew, over both transports."""

import asyncio
import http.client
import json
import signal
from contextlib import closing
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from gateway.commands.listening import check_free
from resolvers.viewer import ViewerKind
from tests.gateway.commands.running import PATIENCE
from tests.gateway.commands.served import Served, served

DOCUMENT = "subscription { ticketChanged { event } }"


def stream(connection: http.client.HTTPConnection, token: str) -> http.client.HTTPResponse:
    """A subscription over SSE, which has begun."""
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream", "Authorization": f"Bearer {token}"}
    connection.request("POST", "/graphql", json.dumps({"query": DOCUMENT}), headers)
    answer = connection.getresponse()
    assert (answer.status, answer.readline(), answer.readline()) == (200, b":\n", b"\n")
    return answer


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
async def test_clients_are_asked_to_connect_anew(tmp_path: Path, workers: int) -> None:
    live = f"[live]\nenabled = {'true' if workers == 1 else 'false'}\nleave = 0.5\n"  # two of them need Redis
    async with served(tmp_path, workers, server=live) as gateway:
        await asyncio.to_thread(connect_and_end, gateway, has_events=workers == 1)
        async with asyncio.timeout(PATIENCE):
            await gateway.process.wait()
    assert "Traceback" not in "".join(gateway.said)
    check_free("127.0.0.1", int(gateway.address.rpartition(":")[2]))


def connect_and_end(gateway: Served, *, has_events: bool) -> None:
    token, port = gateway.keys.token(ViewerKind.AGENT), int(gateway.address.rpartition(":")[2])
    address = f"ws://127.0.0.1:{port}/graphql"
    with (
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection,
        connect(address, subprotocols=[Subprotocol("graphql-transport-ws")], compression=None) as client,
    ):
        client.send(json.dumps({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}}))
        assert client.recv(PATIENCE) == '{"type":"connection_ack"}'
        following = stream(connection, token) if has_events else None
        gateway.process.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1012, "The gateway restarts: connect again.")
        if following is not None:
            told = following.read()
            assert told.startswith(b"retry: ")
            assert told.endswith(b"\n\nevent: complete\ndata:\n\n")
