"""What the gateway's subscriptions are measured beside: a WebSocket endpoint by hand, which only forwards.

It reads nothing, checks nothing and knows nobody: what is posted to `/event` goes to every socket as it came. Served by
uvicorn with the settings of `gateway serve`.
"""

import os

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.http.server import server_options
from gateway.live_settings import LiveLimits
from gateway.server_settings import ServerSettings

_sockets: set[WebSocket] = set()


async def _follow(socket: WebSocket) -> None:
    await socket.accept(subprotocol="graphql-transport-ws")
    _sockets.add(socket)
    try:
        while True:
            said = await socket.receive_text()
            if "connection_init" in said:
                await socket.send_text('{"type":"connection_ack"}')
            elif "ping" in said:
                await socket.send_text('{"type":"pong"}')
    except WebSocketDisconnect:
        _sockets.discard(socket)


async def _event(request: Request) -> Response:
    text = (await request.body()).decode()
    for socket in _sockets:
        await socket.send_text(text)
    return Response(status_code=204)


def main() -> None:
    """Serve on the port of the variable `BENCH_PORT`."""
    app = Starlette(routes=[WebSocketRoute("/graphql", _follow), Route("/event", _event, methods=["POST"])])
    uvicorn.run(
        app,
        port=int(os.environ["BENCH_PORT"]),
        log_level="warning",
        **server_options(ServerSettings(), LiveLimits().message_bytes),
    )


if __name__ == "__main__":
    main()
