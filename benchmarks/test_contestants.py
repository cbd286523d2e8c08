"""The benchmark compares equals: Python's contestants answer as the gateway does, for as many upstream calls."""

import sys
from collections.abc import Iterator

import pytest

from benchmarks.contestants import PYTHON, Field, running
from benchmarks.measuring import Unequal, agree, loading
from benchmarks.works import WORKS, Work, levels, rows

LEAVES = {"typename": 1, "portal": 83, "dashboard": 2650, "rows": 3000}


# Four servers are started; `make bench` refuses to measure, too, where `agree` finds a difference.
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    with running(tmp_path_factory.mktemp("bench"), PYTHON) as field:
        yield field


@pytest.mark.parametrize("work", WORKS, ids=lambda work: work.name)
def test_all_answer_a_work_equally_and_for_as_many_calls(field: Field, work: Work) -> None:
    agreed = agree(field, work, PYTHON)

    assert agreed.leaves == LEAVES[work.name]
    assert {name: taken.calls for name, taken in agreed.taken.items()} == dict.fromkeys(PYTHON, work.calls)


@pytest.mark.parametrize("work", [rows(1), rows(100), levels(1), levels(8)], ids=lambda work: work.name)
def test_growing_works_are_answered_equally_without_more_calls(field: Field, work: Work) -> None:
    agreed = agree(field, work, ("gateway", "stock"))

    assert {taken.calls for taken in agreed.taken.values()} == {work.calls}


def test_the_upstream_sends_what_was_asked_for_and_no_more(field: Field) -> None:
    portal = agree(field, WORKS[1], ("gateway", "floor"))

    assert portal.taken["gateway"].bytes <= portal.taken["floor"].bytes * 1.02


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads other processes' CPU time as Linux gives it")
def test_a_measurement_counts_and_tells_of_wrong_answers(field: Field) -> None:
    broken = Work("portal", "what is not there", "{ nothing }", "customers", 4, 0)
    with loading() as load:
        figures = load.measure(field, "gateway", WORKS[1], 8, 1)

        assert (figures.calls, figures.cpu_ms > 0) == (6, True)
        with pytest.raises(Unequal, match="gateway did not answer what is not there: status 200"):
            load.measure(field, "gateway", broken, 4, 2)
