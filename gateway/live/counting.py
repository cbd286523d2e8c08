"""What the feed counts."""

from typing import Protocol


class Counting(Protocol):
    """Counts messages, and how late they are."""

    def told(self, domain: str, messages: int, skipped: int, lag: float) -> None:
        """So many messages about one change wait for their clients; so many older ones are skipped.

        `lag`: seconds since the system said so.
        """
