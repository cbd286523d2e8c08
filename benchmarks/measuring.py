"""One measurement: a work asked of a contestant so many times, and the CPU time and upstream calls that it took."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import orjson

from benchmarks.contestants import Field, Taken
from benchmarks.load import Job, Result
from benchmarks.processes import ROOT, cpu_of
from benchmarks.works import Work


class Unequal(Exception):
    """Contestants answered differently, or did not answer: figures would compare nothing."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one measurement, per request."""

    cpu_ms: float
    calls: float
    bytes: float
    p50_ms: float
    p99_ms: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Load:
    """The load generator's process."""

    process: "subprocess.Popen[bytes]"

    @property
    def cpu(self) -> float:
        """Seconds of CPU time that it has used."""
        return cpu_of(self.process.pid)

    def measure(self, field: Field, name: str, work: Work, requests: int, concurrency: int = 16) -> Figures:
        """Ask, and wait until all is answered. Raises Unequal for an answer with errors."""
        contestant, tokens = field.contestants[name], list(field.tokens(work))
        job = Job(contestant.port, field.path(name, work), [work.body], tokens, requests, concurrency)
        field.taken()
        before = contestant.cpu
        result = self.run(job)
        used, taken = contestant.cpu - before, field.taken()
        if result.wrong:
            raise Unequal(f"{name} did not answer {work.title}: {result.wrong}")
        return Figures(
            cpu_ms=used * 1000 / requests,
            calls=taken.calls / requests,
            bytes=taken.bytes / requests,
            p50_ms=result.p50,
            p99_ms=result.p99,
            per_second=requests / result.seconds,
        )

    def run(self, job: Job) -> Result:
        """Ask, and wait until all is answered."""
        given, said = self.process.stdin, self.process.stdout
        if given is None or said is None:
            raise RuntimeError("the load generator has no pipes")
        given.write(msgspec.json.encode(job) + b"\n")
        given.flush()
        if not (line := said.readline()):
            raise RuntimeError("the load generator ended")
        return msgspec.json.decode(line, type=Result)


@contextmanager
def loading() -> Iterator[Load]:
    """Start the load generator, and end it."""
    command = (sys.executable, "-m", "benchmarks.load")
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: S603  # ours
    try:
        yield Load(process)
    finally:
        process.terminate()
        process.communicate()


@dataclass(frozen=True, slots=True)
class Agreed:
    """One answer that all gave: its leaves, its size in bytes, and what it cost each of them upstream."""

    leaves: int
    size: int
    taken: Mapping[str, Taken]


def agree(field: Field, work: Work, names: Sequence[str]) -> Agreed:
    """Ask each contestant, as two users where there are such. Raises Unequal where data differ as canonical JSON."""
    for token in (field.tokens(work)[-1], field.tokens(work)[0]):
        taken: dict[str, Taken] = {}
        answers: dict[str, Any] = {}
        for name in names:
            field.taken()
            answers[name] = field.ask(name, work, token)
            taken[name] = field.taken()
        first, *others = answers
        for other in others:
            if _canonical(answers[other]) != _canonical(answers[first]):
                raise Unequal(
                    f"{work.title}: {first} and {other} differ: {_difference(answers[first], answers[other])}"
                )
    return Agreed(leaves(answers[first]), len(orjson.dumps(answers[first])), taken)


_MISSING: Final = object()


def _canonical(data: Any) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)


def _difference(one: Any, other: Any, path: str = "data") -> str | None:
    """The first place where two answers differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [(key, f"{path}.{key}") for key in (one | other)]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        one, other = dict(enumerate(one)), dict(enumerate(other))
        keys = [(key, f"{path}[{key}]") for key in one]
    else:
        return None if one == other else f"{path} is {str(one)[:200]} and {str(other)[:200]}"
    return next(
        (d for key, at in keys if (d := _difference(one.get(key, _MISSING), other.get(key, _MISSING), at))), None
    )


def leaves(value: Any) -> int:
    """Values in an answer that are neither lists nor objects."""
    if isinstance(value, dict):
        return sum(map(leaves, value.values()))
    if isinstance(value, list):
        return sum(map(leaves, value))
    return 1
