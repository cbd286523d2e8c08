"""What is kept of a write: which phase it is in, and what came of it. Also the interface of the stores that keep it.

A write is known by its key. Whoever claims an unknown key holds it for the time of a lease, under a number (the fencing
token) that grows with each claim; whoever comes later with a smaller number changes nothing any more.

| phase | what is known | the next one with the key |
| --- | --- | --- |
| claimed | nothing was sent | waits while the lease lasts, then claims it anew and may send |
| sent | it may have happened | waits while the lease lasts, then looks in the system before anything else |
| unknown | it may have happened, and the system could not tell | looks in the system before anything else |
| done | it happened; `result` points to what came of it | reads that |
| refused | it did not happen, and will not under this key | is told `problems` |
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec


class Phase(StrEnum):
    """How far a write has come."""

    CLAIMED = "claimed"
    SENT = "sent"
    UNKNOWN = "unknown"
    DONE = "done"
    REFUSED = "refused"

    @property
    def is_final(self) -> bool:
        """Whether it will not change any more."""
        return self in (Phase.DONE, Phase.REFUSED)


class Problem(msgspec.Struct, frozen=True):
    """What the caller did wrong: a stable code, a sentence for the person, and the place in the input."""

    code: str
    message: str
    path: tuple[str, ...]


class Pointer(msgspec.Struct, frozen=True):
    """A record that came of a write: its type in the graph, and its id in its system."""

    type: str
    id: str


class WriteRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One write.

    `fingerprint`: of the input; the same key with another one is another write, and refused.
    `token`: the fencing token of the last claim.
    `sent_at`: seconds since the epoch, by the store's clock, when it was about to be sent; None before.
    `decided`: what the input left open and the first claim settled, such as the amount of a payment.
    `lock_token`: of the lock under which it was sent. It is held until it is known what came of the write.
    """

    fingerprint: str
    phase: Phase
    token: int
    sent_at: float | None = None
    decided: Mapping[str, str] = msgspec.field(default_factory=dict)
    lock_token: int | None = None
    result: Pointer | None = None
    problems: tuple[Problem, ...] = ()


class Claim(msgspec.Struct, frozen=True):
    """What came of claiming a key: the record, and whether the caller holds it now. `now` is the store's clock."""

    record: WriteRecord
    is_held: bool
    now: float


class StoreUnavailable(Exception):
    """The store cannot be reached, so nothing can be promised about a write. The text is for the log."""


class WriteStore(Protocol):
    """Keeps writes and locks. Every method raises `StoreUnavailable`."""

    async def claim(self, key: str, fingerprint: str, lease: float) -> Claim:
        """Claim a key for `lease` seconds.

        It is held where the key is new, or where its lease has run out and it is not final. It is not where somebody
        else holds it, where it is final, or where its fingerprint is another one.
        """

    async def advance(self, key: str, record: WriteRecord, lease: float) -> bool:
        """Keep the record, and hold the key for `lease` seconds more (0: nobody holds it).

        False, and nothing is changed, where the record's token is not the last claim's. `SENT` sets `sent_at`.
        """

    async def forget(self, key: str, token: int) -> bool:
        """Forget a key that was claimed, as if it had never come. False where the token is not the last claim's."""

    async def find(self, key: str) -> WriteRecord | None:
        """What is kept of a key; None where nothing is."""

    async def lock(self, name: str, lease: float) -> int | None:
        """Take a lock for `lease` seconds: its fencing token, None where somebody else has it."""

    async def hold(self, name: str, token: int, lease: float) -> bool:
        """Keep a lock for `lease` seconds from now. False, and nothing is changed, where its lease has run out."""

    async def unlock(self, name: str, token: int) -> None:
        """Give a lock back. Nothing happens where it is somebody else's by now."""

    async def close(self) -> None:
        """Give back what is held open."""
