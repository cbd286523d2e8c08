"""Connections are taken as fast as they come, also where the event loop's turns are long."""

import asyncio
import socket
import time
from typing import cast

import uvloop

from gateway.commands.accepting import Accepting

CLIENTS = 200
TURNS = 40


class Told(asyncio.Protocol):
    """Sends a byte to whoever connects."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(b"x")


async def turns_until_all_are_told() -> int:
    """Turns of 5 ms that a server takes to greet so many clients, who all have connected before the first."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Told, "127.0.0.1", 0, backlog=CLIENTS)
    address = server.sockets[0].getsockname()
    accepting = Accepting([one.fileno() for one in server.sockets], Told)
    clients = [socket.create_connection(address) for _ in range(CLIENTS)]
    told = 0
    turns = 0
    while told < CLIENTS and turns < CLIENTS:
        turns += 1
        time.sleep(0.005)  # noqa: ASYNC251 - a long turn
        await asyncio.sleep(0)
        told = 0
        for one in clients:
            one.setblocking(False)
            try:
                told += len(one.recv(1, socket.MSG_PEEK))
            except BlockingIOError:
                continue
    accepting.stop()
    server.close()
    for one in clients:
        one.close()
    await asyncio.sleep(0.05)  # so that all is closed before the loop is
    assert told == CLIENTS
    return turns


def test_many_connect_during_a_long_turn() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(turns_until_all_are_told()) < TURNS


async def told_of_those_who_waited_at_the_end() -> int:
    """Clients that are greeted, of those who had connected when the server stopped to listen."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Told, "127.0.0.1", 0, backlog=CLIENTS)
    accepting = Accepting([one.fileno() for one in server.sockets], Told)
    clients = [socket.create_connection(server.sockets[0].getsockname()) for _ in range(CLIENTS)]
    accepting.stop()
    server.close()
    told = 0
    for one in clients:
        one.setblocking(False)
        async with asyncio.timeout(60):
            told += len(await loop.sock_recv(one, 1))
        one.close()
    await asyncio.sleep(0.05)  # so that all is closed before the loop is
    return told


def test_who_has_connected_is_taken_before_the_process_stops_to_listen() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(told_of_those_who_waited_at_the_end()) == CLIENTS
