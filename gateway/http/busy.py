"""How busy this thread is: the share of time in which it ran, or would have with a processor of its own."""

import os
import time
from contextlib import suppress
from typing import Final

_STATISTICS: Final = "/proc/thread-self/schedstat"
"""Nanoseconds for which the thread ran, and for which it waited for a processor (Linux, docs/scheduler/sched-stats)."""


class Busy:
    """Measures the thread that makes it. Elsewhere than on Linux the time in which it waits does not count."""

    def __init__(self) -> None:
        self._file: int | None = None
        with suppress(OSError):
            self._file = os.open(_STATISTICS, os.O_RDONLY | os.O_CLOEXEC)
        self._at, self._wanted = time.monotonic(), self._read()

    def share(self) -> float:
        """Of the time since the last call, from 0 to 1."""
        at, wanted = time.monotonic(), self._read()
        share = (wanted - self._wanted) / max(at - self._at, 1e-6)
        self._at, self._wanted = at, wanted
        return min(1.0, share)

    def close(self) -> None:
        """Give back the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _read(self) -> float:
        if self._file is None:
            return time.thread_time()
        ran, waited, *_ = os.pread(self._file, 100, 0).split()
        return (int(ran) + int(waited)) / 1e9
