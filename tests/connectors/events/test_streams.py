"""What is logged of a stream of events that a system keeps open: each change of its state, once."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

import pytest

from connectors.errors import Unreachable
from connectors.events.hints import Change, Hint, Source
from connectors.events.streams import StreamFollower

HINT = Hint(domain="assurance", type="Outage", id="a", change=Change.CHANGED, source=Source.STREAM, at=1.0)
IDLE, CUT, AWAY, FAULT = "idle", "cut", "away", "fault"


class Stream:
    """Ends each time as the next of `ends` says; after the last one it has ended for good."""

    def __init__(self, *ends: str) -> None:
        self._ends = iter(ends)
        self.begun = 0
        self.is_over = asyncio.Event()

    async def follow(self) -> AsyncGenerator[Sequence[Hint], None]:
        end = next(self._ends, "")
        if not end:
            self.is_over.set()
            await asyncio.Event().wait()
        if end == AWAY:
            raise Unreachable("assurance", "nobody there")
        yield ()
        yield (HINT,)
        if end == FAULT:
            raise KeyError("of the driver")
        if end == CUT:
            raise Unreachable("assurance", "the connection was closed")

    async def followed(self) -> int:
        """How many hints were published until it is over."""
        published: list[Hint] = []

        async def publish(hints: Sequence[Hint]) -> None:
            published.extend(hints)

        def began() -> None:
            self.begun += 1

        following = asyncio.create_task(StreamFollower("assurance", self.follow, began, (0.0, 0.0)).run(publish))
        async with asyncio.timeout(10):
            await self.is_over.wait()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        return len(published)


GONE = "assurance: the stream of events has ended, and is begun anew: assurance: "
BACK = "assurance: the stream of events goes on"


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ([IDLE] * 3, []),
        ([CUT, IDLE, IDLE], [f"{GONE}the connection was closed", BACK]),
        ([CUT, CUT, CUT, IDLE], [f"{GONE}the connection was closed", BACK]),  # by a proxy, each minute
        (
            [FAULT, FAULT, IDLE],
            [
                "assurance: the stream of events has ended, and is begun anew: KeyError",
                "assurance: the driver failed when it followed the stream of events",
                BACK,
            ],
        ),
        ([AWAY, AWAY, IDLE], [f"{GONE}nobody there", BACK]),
        ([CUT, AWAY, IDLE, AWAY, IDLE], [f"{GONE}the connection was closed", BACK, f"{GONE}nobody there", BACK]),
    ],
)
async def test_a_stream_that_ends_by_itself_is_begun_anew_quietly_and_a_fault_is_said_once(
    ends: list[str], said: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "gateway.events")
    stream = Stream(*ends)
    there = len(ends) - ends.count(AWAY)
    assert (await stream.followed(), stream.begun) == (there, there)
    assert caplog.messages == said
