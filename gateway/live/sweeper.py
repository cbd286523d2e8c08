"""Looks at things when they are due, with one timer for all: 10,000 open connections need no timer each."""

import asyncio
import logging
import math
from typing import Final, Protocol

TICK: Final = 0.25
"""Seconds between two looks at what is due, by default; nothing is looked at earlier than it is due."""

_log = logging.getLogger("gateway.live")


class Watched(Protocol):
    """A thing that is looked at. `due` belongs to the sweeper; it starts as 0."""

    due: int

    def look(self, now: float) -> float:
        """Do what is due at this time of the event loop's clock. Returns when to look again; infinity for never."""


class Sweeper:
    """Looks at each thing at its time, by the event loop's clock."""

    def __init__(self, tick: float = TICK) -> None:
        self._tick = tick
        self._by_turn: dict[int, set[Watched]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, one: Watched, when: float) -> None:
        """Look at it then, or when it is due already, if that is earlier."""
        if when == math.inf:
            return
        turn = math.ceil(when / self._tick)
        if one.due:
            if one.due <= turn:
                return
            self.forget(one)
        one.due = turn
        self._by_turn.setdefault(turn, set()).add(one)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._tick, self._sweep)

    def forget(self, one: Watched) -> None:
        """Look at it no more. Nothing happens where it is not watched."""
        if there := self._by_turn.get(one.due):
            there.discard(one)
            if not there:
                del self._by_turn[one.due]
        one.due = 0

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for turn in sorted(turn for turn in self._by_turn if turn * self._tick <= now):
            for one in [*self._by_turn.get(turn, ())]:
                if one.due == turn:  # else an earlier one of this turn ended it
                    self.forget(one)
                    self._look(one, now)
        self._timer = loop.call_later(self._tick, self._sweep) if self._by_turn else None

    def _look(self, one: Watched, now: float) -> None:
        try:
            self.watch(one, one.look(now))
        except Exception:  # noqa: BLE001 - all others must be looked at, too; it is logged
            _log.exception("a connection could not be looked at")
