"""Hints that all processes of the gateway hear, and which of them asks the systems: the interface of the stores."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from connectors.events.hints import Hint


class Gap(msgspec.Struct, frozen=True):
    """Hints may have been missed since then (seconds since the epoch): what changed must be read from the systems."""

    since: float


class EventStream(Protocol):
    """Carries hints to all processes. They are kept for a short time, and hold ids only."""

    async def publish(self, hints: Sequence[Hint]) -> None:
        """Tell every process, this one included.

        A hint whose `event_id` was published in the last minutes, by any process, is left out. Where the stream cannot
        be reached, this process alone is told, and the others find the gap: it never raises.
        """

    def follow(self) -> AsyncIterator[Sequence[Hint] | Gap]:
        """What is published from now on, for ever, and a gap where something may have been missed. Followed once."""

    async def lead(self, name: str, lease: float) -> bool:
        """Whether this process is the one that does `name`, for `lease` seconds from now; it asks again before.

        Without the stream every process does it: more calls, but nothing is missed.
        """

    async def step_down(self, name: str) -> None:
        """Let another process do `name` from now on."""

    async def close(self) -> None:
        """End `follow`, and give back what is held open."""
