"""Twice the load that the gateway bears: what it serves, how fast it refuses, and whether it tells how it is.

    .venv/bin/python -m benchmarks.overload [--seconds N] [--times N] [--work NAME] [--turns N]

Measures the best rate with users who wait for their answers, then sends so many times as many requests a second for two
minutes, from a process that does not wait, while `/healthz` and `/readyz` are asked on connections of their own. Then
it asks one request after the other until they take as long as before, and measures the best rate once more. Virtual
machines are slower in some minutes than in others, so at last the best rate and the overload take turns, some seconds
each and without probes: each time the rate that was served, once requests were refused, is compared with the mean of
the best rates before and after it. Users who wait ask in step with each other, which saves a tenth of the work. So it
is compared, too, with what is served where once that rate is sent, as the overload is: it is what the gateway bears,
and little of it is refused.

Where there are two processors or more, the gateway has one, and everything else has the others: twice the load is twice
the work for those who send it, too, and they would take from the gateway what is measured.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Final

import aiohttp
import msgspec
import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.contestants import Field, running
from benchmarks.load import Job as Closed
from benchmarks.measuring import Load, loading
from benchmarks.open_loop import Answered, Job
from benchmarks.processes import ROOT
from benchmarks.works import WORKS, Work

_USERS: Final = 32
_PROBE_EVERY: Final = 0.05
_RECOVERY: Final = 30.0
_TURN: Final = (3.0, 6.0)
"""Seconds of the best rate and of overload, where they take turns."""
_BEGINS: Final = 2.0
"""Seconds of such an overload that do not count: whoever does not wait opens hundreds of connections at first. Of two
minutes that is next to nothing, but a fifth of the work of a turn's first seconds.
"""


@dataclass(slots=True)
class Probed:
    """Seconds that a probe took, and answers other than 200."""

    took: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    shedding: int = 0


@dataclass(frozen=True, slots=True)
class Best:
    """With users who wait for their answers: requests a second, their p99 in milliseconds, upstream calls for each."""

    rate: float
    p99: float
    calls: float


def best_rate(load: Load, gateway: Field, work: Work, seconds: float) -> Best:
    """The best rate, measured for so many seconds at least."""
    port, tokens = gateway.contestants["gateway"].port, list(gateway.tokens(work))
    count = 200
    while True:
        gateway.taken()
        result = load.run(Closed(port, "/graphql", [work.body], tokens, count, _USERS))
        if result.wrong:
            raise RuntimeError(result.wrong)
        if result.seconds >= seconds:
            return Best(count / result.seconds, result.p99, gateway.taken().calls / count)
        count = int(count * max(2.0, 1.1 * seconds / result.seconds))


@dataclass(slots=True)
class Shares:
    """What is served under overload, as shares of the best rate: one for each turn."""

    of_waiting: list[float] = field(default_factory=list)
    """Of what users who wait for their answers are served just before and after."""
    of_once: list[float] = field(default_factory=list)
    """Of what is served just before where as much is asked as those are served, and nobody waits with the next one."""


def shares(gateway: Field, work: Work, times: float, turns: int) -> Shares:
    """What is served under overload beside what is served without it, in so many turns."""
    port, found = gateway.contestants["gateway"].port, Shares()

    def served(rate: float) -> float:
        job = Job(port, requests_of(gateway, work), rate, _TURN[1])
        answers, _ = asyncio.run(overload(job, probing=False))
        asyncio.run(recovery(job, before.p99 / 1000))
        asyncio.run(calm(port))
        counted = [one for one in answers if one.status == 200 and _BEGINS < one.due + one.took < _TURN[1]]
        return len(counted) / (_TURN[1] - _BEGINS)

    with loading() as load:
        before = best_rate(load, gateway, work, _TURN[0])
        for _ in range(turns):
            once, often = served(before.rate), served(times * before.rate)
            after = best_rate(load, gateway, work, _TURN[0])
            found.of_waiting.append(often / ((before.rate + after.rate) / 2))
            found.of_once.append(often / once)
            before = after
    return found


def requests_of(gateway: Field, work: Work) -> list[str]:
    """The requests of all who ask it, as they are sent."""
    body = orjson.dumps(work.body).decode()
    return [
        f"POST /graphql HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\naccept: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}"
        for token in gateway.tokens(work)
    ]


async def overload(job: Job, *, probing: bool = True) -> tuple[list[Answered], dict[str, Probed]]:
    """Send the load, and ask for probes meanwhile, on a new connection each."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.open_loop"),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    probes = {path: Probed() for path in ("/healthz", "/readyz")} if probing else {}
    asking = [asyncio.create_task(_probe(job.port, path, probed)) for path, probed in probes.items()]
    said, _ = await process.communicate(msgspec.json.encode(job) + b"\n")
    for one in asking:
        one.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    return msgspec.json.decode(said, type=list[Answered]), probes


async def _probe(port: int, path: str, probed: Probed) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        while True:
            began = time.perf_counter()
            try:
                async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
                    body = await answer.text()
                    probed.shedding += '"shedding"' in body
                    if answer.status != 200:
                        probed.wrong.append(f"{answer.status}: {body[:100]}")
            except aiohttp.ClientError as error:
                probed.wrong.append(repr(error))
            probed.took.append(time.perf_counter() - began)
            await asyncio.sleep(_PROBE_EVERY)


async def recovery(job: Job, usual: float) -> float:
    """Seconds until ten answers one after the other are served within `usual` seconds each."""
    head, _, body = job.requests[0].partition("\r\n\r\n")
    named = dict(line.split(": ", 1) for line in head.split("\r\n")[1:])
    kept = {name: value for name, value in named.items() if name not in ("host", "content-length")}
    began, good = time.perf_counter(), 0
    first = began
    async with aiohttp.ClientSession(headers=kept) as session:
        while good < 10 and time.perf_counter() < began + _RECOVERY:
            asked = time.perf_counter()
            async with session.post(f"http://127.0.0.1:{job.port}/graphql", data=body) as answer:
                await answer.read()
                is_good = answer.status == 200 and time.perf_counter() - asked < usual
            if is_good and not good:
                first = asked
            good = good + 1 if is_good else 0
    return first - began if good == 10 else float("inf")


async def calm(port: int) -> None:
    """Wait until the gateway refuses nobody."""
    async with aiohttp.ClientSession() as session, asyncio.timeout(_RECOVERY):
        while True:
            async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                if (await answer.json())["load"] == "normal":
                    return
            await asyncio.sleep(_PROBE_EVERY)


def at(values: Sequence[float], share: float) -> float:
    """Milliseconds within which this share is."""
    ordered = sorted(values)
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="benchmarks.overload")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--times", type=float, default=2.0, help="how many times the best rate")
    parser.add_argument("--turns", type=int, default=12, help="how often best rate and overload take turns at last")
    parser.add_argument("--work", default="portal", choices=[work.name for work in WORKS])
    given = parser.parse_args()
    work = next(work for work in WORKS if work.name == given.work)
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), ["gateway"]) as gateway:
        served = gateway.contestants["gateway"]
        first, *others = sorted(os.sched_getaffinity(0))
        if others:
            served.run_on({first})
            gateway.upstream.run_on({*others})
            os.sched_setaffinity(0, others)  # with all that is started from here
        with loading() as load:
            best_rate(load, gateway, work, 2.0)
            alone = load.measure(gateway, "gateway", work, 400, _USERS).cpu_ms
            best = best_rate(load, gateway, work, min(10.0, given.seconds))
        before, cpu = served.resident, served.cpu
        job = Job(served.port, requests_of(gateway, work), given.times * best.rate, given.seconds)
        gateway.taken()
        answers, probes = asyncio.run(overload(job))
        calls = gateway.taken().calls
        used, after = served.cpu - cpu, served.resident
        recovered = asyncio.run(recovery(job, best.p99 / 1000))
        settled = served.resident
        asyncio.run(calm(served.port))
        with loading() as load:
            again = best_rate(load, gateway, work, min(10.0, given.seconds))
        in_turns = shares(gateway, work, given.times, given.turns)
    good = [one for one in answers if one.status == 200]
    shed = [one for one in answers if one.status == 503]
    table = Table(f"{work.title}, {given.times:g} times the best rate for {given.seconds:g} s", "")
    for name, value in (
        ("best rate, users who wait", f"{best.rate:.0f}/s, p99 {best.p99:.0f} ms; after it {again.rate:.0f}/s"),
        ("asked", f"{len(answers)}, {len(answers) / given.seconds:.0f}/s"),
        (
            "served",
            f"{len(good) / given.seconds:.0f}/s, {_share(good, best, given.seconds)} of the best rate before,"
            f" {_share(good, again, given.seconds)} of that after",
        ),
        ("served in turns with the best rate", _of_best(in_turns.of_waiting)),
        ("served in turns with once that rate", _of_best(in_turns.of_once)),
        ("time of what is served", f"p50 {_ms(good, 0.5)}, p99 {_ms(good, 0.99)}, longest {_ms(good, 1)}"),
        ("shed", f"{len(shed)}, {len(shed) / max(1, len(answers)):.0%}"),
        ("time of what is shed", f"p50 {_ms(shed, 0.5)}, p99 {_ms(shed, 0.99)}, longest {_ms(shed, 1)}"),
        ("after the first 5 s: served", f"p99 {_ms([one for one in good if one.due > 5], 0.99)}"),
        ("after the first 5 s: shed", f"p99 {_ms([one for one in shed if one.due > 5], 0.99)}"),
        ("neither", f"{len(answers) - len(good) - len(shed)}"),
        *((path, _probes(probed)) for path, probed in probes.items()),
        ("CPU of the gateway", f"{used / given.seconds:.0%} of a core"),
        ("CPU for each that is served", f"{1000 * used / max(1, len(good)):.2f} ms; without overload {alone:.2f} ms"),
        ("upstream calls for each of them", f"{calls / max(1, len(good)):.2f}; without overload {best.calls:.2f}"),
        ("memory", f"{before // 2**20} MiB before, {after // 2**20} at the end, {settled // 2**20} when recovered"),
        ("recovered", f"{recovered:.2f} s after the last request"),
    ):
        table.add_row(name, value)
    Console(width=120).print(table)


def _of_best(shares: Sequence[float]) -> str:
    if not shares:
        return "not measured"
    return f"{median(shares):.0%} of it ({', '.join(f'{one:.0%}' for one in sorted(shares))})"


def _share(good: Sequence[Answered], best: Best, seconds: float) -> str:
    return f"{len(good) / seconds / best.rate:.0%}"


def _ms(answers: Sequence[Answered], share: float) -> str:
    return f"{at([one.took for one in answers], share):.0f} ms"


def _probes(probed: Probed) -> str:
    times = (
        f"p50 {at(probed.took, 0.5):.0f} ms, p99 {at(probed.took, 0.99):.0f} ms, longest {at(probed.took, 1):.0f} ms"
    )
    said = f", {probed.shedding} said shedding" if probed.shedding else ""
    return f"{len(probed.took)} asked, {times}, {len(probed.wrong)} not 200{said} {probed.wrong[:1] or ''}"


if __name__ == "__main__":
    main()
