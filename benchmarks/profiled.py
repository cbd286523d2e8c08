"""Runs a module and, from SIGUSR1 on, notes every 0.5 ms of CPU time which function runs: `OUT gateway serve ...`.

A tracing profiler would make small functions look three times as dear as they are, and count the time that others
take on a busy machine. Time within C code counts for the Python function that called it. (Kernels round the interval
up to their own tick, 1 to 4 ms.)
"""

import runpy
import signal
import sys
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any, Final

import msgspec

_SECONDS: Final = 0.0005

Place = tuple[str, int, str]


class Samples(msgspec.Struct):
    """How many samples there are, in how many of them each function ran itself, and in how many it was under way."""

    count: int
    own: list[tuple[Place, int]]
    all: list[tuple[Place, int]]


class Sampler:
    """Collects samples."""

    def __init__(self) -> None:
        self._own: Counter[Place] = Counter()
        self._all: Counter[Place] = Counter()

    def start(self, *_: Any) -> None:
        """Begin."""
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, _SECONDS, _SECONDS)

    def stop(self) -> Samples:
        """End, and what was collected."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        return Samples(self._own.total(), list(self._own.items()), list(self._all.items()))

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        if frame is None:
            return
        self._own[_place(frame)] += 1
        under_way = set()
        while frame is not None:
            under_way.add(_place(frame))
            frame = frame.f_back
        self._all.update(under_way)


def _place(frame: FrameType) -> Place:
    code = frame.f_code
    return code.co_filename, code.co_firstlineno, code.co_qualname


def main() -> None:
    """Run it, and write the samples."""
    _, out, module, *arguments = sys.argv
    sampler = Sampler()
    signal.signal(signal.SIGUSR1, sampler.start)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__")
    finally:
        Path(out).write_bytes(msgspec.json.encode(sampler.stop()))


if __name__ == "__main__":
    main()
