"""Connections of which nobody knows yet whose they are: only so many of them wait, whatever else there is room for."""

from typing import Protocol


class Newcomer(Protocol):
    """A connection that waits for its client to say who it is."""

    def give_way(self) -> None:
        """Close, because so many wait, and this one has for longest."""


class Newcomers:
    """Those that wait. A client that means to initialise does so at once, so those that have waited longest go."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: dict[Newcomer, None] = {}

    def add(self, one: Newcomer) -> None:
        """Let it wait."""
        self._waiting[one] = None
        if len(self._waiting) > self._most:
            longest = next(iter(self._waiting))
            del self._waiting[longest]
            longest.give_way()

    def discard(self, one: Newcomer) -> None:
        """It does not wait any more. Nothing happens where it is not there."""
        self._waiting.pop(one, None)
