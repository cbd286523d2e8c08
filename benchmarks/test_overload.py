"""Twice the load in a short form: nothing is timed tightly, everything is answered, and the gateway says how it is."""

import asyncio
from pathlib import Path

import pytest

from benchmarks.contestants import running
from benchmarks.measuring import loading
from benchmarks.open_loop import Job
from benchmarks.overload import best_rate, overload, requests_of
from benchmarks.works import WORKS

SECONDS = 4.0


@pytest.mark.long
def test_beyond_what_it_bears_it_serves_on_refuses_the_rest_and_answers_probes(tmp_path: Path) -> None:
    work = next(work for work in WORKS if work.name == "portal")
    with running(tmp_path, ["gateway"]) as field:
        with loading() as load:
            best = best_rate(load, field, work, 0.5).rate
        port = field.contestants["gateway"].port
        answers, probes = asyncio.run(overload(Job(port, requests_of(field, work), 4 * best, SECONDS)))
        again, _ = asyncio.run(overload(Job(port, requests_of(field, work), best / 10, 1.0)))
    served, shed = ([one for one in answers if one.status == status] for status in (200, 503))
    assert len(served) + len(shed) == len(answers)
    assert len(served) > best / 4 * SECONDS
    assert len(shed) > len(answers) / 4
    assert not probes["/healthz"].wrong
    assert not probes["/readyz"].wrong
    assert again[-1].status == 200
