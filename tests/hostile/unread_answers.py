"""Clients that ask for much, also ahead of the answers, and read nothing."""

import asyncio
import json
import socket
from typing import Final

from tests.hostile.measuring import Attack, Target

_DOCUMENT: Final = (
    "{ customers(first: 200) { nodes { id name accounts { id name bills(first: 40) { nodes { id number billDate dueDate"
    " state remainingAmount { amount currency } } } } } } }"
)
_SECONDS: Final = 45.0


async def _run(target: Target) -> str:
    body = json.dumps({"query": _DOCUMENT}).encode()
    request = (
        f"POST /graphql HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {target.agent}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    sockets = [_unread(target.port, request * 8) for _ in range(target.scaled(30))]
    most = 0.0
    try:
        until = asyncio.get_running_loop().time() + _SECONDS * target.scale
        while asyncio.get_running_loop().time() < until:
            most = max(most, target.memory())
            await asyncio.sleep(0.2)
    finally:
        for one in sockets:
            one.close()
    return f"{len(sockets)} clients, 8 requests each; {most:.0f} MiB at most"


def _unread(port: int, data: bytes) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.connect(("127.0.0.1", port))
    made.sendall(data)
    return made


ATTACK: Final = Attack("clients that do not read", _run)
