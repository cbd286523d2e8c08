"""Twice the requests that the gateway bears, from one address, by many callers who do not wait for answers."""

from statistics import quantiles
from typing import Final

import aiohttp
import orjson

from benchmarks import load, open_loop
from tests.hostile.measuring import Attack, Target

_SECONDS: Final = 60.0
_SHORTEST: Final = 6.0
_CALLERS: Final = 150
_SOURCE: Final = "127.0.0.2"
_QUERY: Final = "{ me { id name accounts { id bills(first: 3) { nodes { id number } } } services { nodes { id } } } }"


async def _run(target: Target) -> str:
    tokens, body = [target.token(str(1001 + n)) for n in range(3, 3 + _CALLERS)], {"query": _QUERY}
    measured = await load.run(load.Job(target.port, "/graphql", [body], tokens, 300, 16))
    assert measured.wrong is None, measured.wrong
    best = 300 / measured.seconds
    text = orjson.dumps(body).decode()
    requests = [
        f"POST /graphql HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}"
        for token in tokens
    ]
    seconds = max(_SHORTEST, _SECONDS * target.scale)
    answers = await open_loop.run(open_loop.Job(target.port, requests, 2 * best, seconds, _SOURCE))
    served, shed = ([one.took for one in answers if one.status == status] for status in (200, 503))
    assert served
    async with aiohttp.ClientSession() as session, session.get(f"{target.address}/readyz") as ready:
        assert ready.status == 200
    return (
        f"{len(answers) / seconds:.0f}/s asked, {len(served) / seconds:.0f}/s served ({best:.0f}/s at best),"
        f" {_half(shed)} ms until one is shed"
    )


def _half(took: list[float]) -> str:
    return f"{1000 * quantiles(took, n=2)[0]:.0f}" if len(took) > 1 else "no"


ATTACK: Final = Attack("twice the load", _run)
