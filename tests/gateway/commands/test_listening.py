"""What the gateway can listen on: one address, every one of IPv4 and IPv6, or a Unix socket."""

import asyncio
import socket
from pathlib import Path

import aiohttp
import pytest

from gateway.commands.accepting import Accepting
from gateway.commands.listening import PortUnavailable, listen, listen_on
from tests.gateway.commands.running import free_ports
from tests.gateway.commands.served import served


@pytest.mark.parametrize("client", ["127.0.0.1", "::1"])
def test_two_colons_are_every_address(client: str) -> None:
    port = free_ports(1)
    with listen("::", port), socket.create_connection((client, port), timeout=10) as connected:
        assert connected.getpeername()[1] == port


@pytest.mark.parametrize("host", ["192.0.2.1", "a..b", "999.1.1.1"])
def test_a_host_that_is_not_this_machine_is_named_as_the_setting(host: str) -> None:
    with pytest.raises(PortUnavailable) as caught:
        listen(host, 8000)
    assert caught.value.setting == "host"


def test_a_socket_that_was_left_is_replaced_and_one_in_use_is_not(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    with listen_on(path):
        assert oct(path.stat().st_mode)[-3:] == "660"
        with pytest.raises(PortUnavailable, match="is in use by another program"):
            listen_on(path)
    assert path.exists(), "as a process leaves it that is killed"
    with listen_on(path), socket.socket(socket.AF_UNIX) as connected:
        connected.connect(str(path))


def test_what_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(PortUnavailable, match="Address already in use"):
        listen_on(path)
    assert path.read_text(encoding="utf-8") == "mine"
    with pytest.raises(PortUnavailable, match="No such file or directory"):
        listen_on(tmp_path / "nothing" / "http.sock")


async def test_many_are_taken_at_once_on_a_unix_socket_too(tmp_path: Path) -> None:
    taken: list[asyncio.Protocol] = []
    all_taken = asyncio.Event()

    class Connected(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            taken.append(self)
            transport.close()
            if len(taken) == 5:
                all_taken.set()

    with listen_on(tmp_path / "http.sock") as listening:
        accepting = Accepting([listening.fileno()], Connected)
        try:
            async with asyncio.timeout(10):
                for _ in range(5):
                    _, writer = await asyncio.open_unix_connection(tmp_path / "http.sock")
                    writer.close()
                await all_taken.wait()
        finally:
            accepting.stop()


async def test_a_gateway_on_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "http.sock"
    async with (
        served(tmp_path, server=f'unix_socket = "{path}"', unix_socket=path),
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as session,
        session.get("http://gateway/healthz") as answer,
    ):
        assert answer.status == 200
