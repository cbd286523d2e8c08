"""Writes and locks kept in this process: for one worker, and lost when it ends."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import msgspec

from connectors.store.writes import Claim, Phase, WriteRecord

_MOST_KEPT: Final = 100_000


@dataclass(slots=True)
class _Kept:
    record: WriteRecord
    held_until: float
    forgotten_at: float


class WritesInMemory:
    """Implements `WriteStore`. Records live for `time_to_live` seconds after their last change."""

    def __init__(self, time_to_live: float = 24 * 3600.0, clock: Callable[[], float] = time.time) -> None:
        self._time_to_live, self._clock = time_to_live, clock
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, tuple[int, float]] = {}
        self._last_lock = 0

    async def claim(self, key: str, fingerprint: str, lease: float) -> Claim:
        now = self._clock()
        self._expire(now)
        kept = self._kept.get(key)
        if kept is None:
            record = WriteRecord(fingerprint=fingerprint, phase=Phase.CLAIMED, token=1)
        elif kept.record.fingerprint != fingerprint or kept.record.phase.is_final or now < kept.held_until:
            return Claim(kept.record, False, now)
        else:
            record = msgspec.structs.replace(kept.record, token=kept.record.token + 1)
        self._kept[key] = _Kept(record, now + lease, now + self._time_to_live)
        return Claim(record, True, now)

    async def advance(self, key: str, record: WriteRecord, lease: float) -> bool:
        now, kept = self._clock(), self._kept.get(key)
        if kept is None or kept.record.token != record.token:
            return False
        sent_at = now if record.phase is Phase.SENT else kept.record.sent_at
        record = msgspec.structs.replace(record, sent_at=sent_at)
        del self._kept[key]  # the oldest change comes first
        self._kept[key] = _Kept(record, now + lease, now + self._time_to_live)
        return True

    async def forget(self, key: str, token: int) -> bool:
        kept = self._kept.get(key)
        if kept is None or kept.record.token != token:
            return False
        del self._kept[key]
        return True

    async def find(self, key: str) -> WriteRecord | None:
        self._expire(self._clock())
        kept = self._kept.get(key)
        return kept.record if kept else None

    async def lock(self, name: str, lease: float) -> int | None:
        now = self._clock()
        if name in self._locks and now < self._locks[name][1]:
            return None
        self._last_lock += 1
        self._locks[name] = self._last_lock, now + lease
        return self._last_lock

    async def hold(self, name: str, token: int, lease: float) -> bool:
        now = self._clock()
        holder, until = self._locks.get(name, (0, 0.0))
        if holder != token or now >= until:
            return False
        self._locks[name] = token, now + lease
        return True

    async def unlock(self, name: str, token: int) -> None:
        if self._locks.get(name, (0, 0.0))[0] == token:
            del self._locks[name]

    async def close(self) -> None:
        """Nothing is held open."""

    def _expire(self, now: float) -> None:
        while self._kept:
            key, oldest = next(iter(self._kept.items()))
            if now < oldest.forgotten_at and len(self._kept) < _MOST_KEPT:
                return
            del self._kept[key]
