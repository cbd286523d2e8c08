"""A total is believed only under a filter that the system provably obeys: one that ignores it counts everybody's."""

from typing import Any

import pytest

from connectors.reading.obeyed_filters import ObeyedFilters
from connectors.records import Rows, Window
from tests.systems import Systems, asked, connected

NAME = frozenset({"name"})
FIRST = Window(0, 2)


def told(found: Any) -> tuple[int, int | None, bool]:
    assert isinstance(found, Rows)
    return len(found.items), found.total, found.total_doubted


async def test_a_total_is_believed_once_a_list_of_somebody_else_was_read(systems: Systems) -> None:
    async with connected(systems) as c:

        async def products(customer: str, window: Window | None) -> tuple[int, int | None, bool]:
            return told((await c.crm.products_of_customers([customer], window, NAME))[customer])

        assert await products("1001", FIRST) == (2, None, True)
        (count, total, _) = await products("1001", None)
        assert count == total
        assert await products("1001", FIRST) == (2, None, True)
        await products("1002", None)
        assert await products("1001", FIRST) == (2, total, False)
        assert len(asked(systems["crm"])) == 5


async def test_a_window_that_shows_the_end_needs_no_proof_and_is_one(systems: Systems) -> None:
    async with connected(systems) as c:
        for customer in ("1001", "1002"):
            found = (await c.crm.products_of_customers([customer], Window(0, 50), NAME))[customer]
            assert told(found) == (len(found.items), len(found.items), False)
        assert told((await c.crm.products_of_customers(["1001"], FIRST, NAME))["1001"])[1:] == (4, False)


@pytest.mark.parametrize("others_first", [False, True])
async def test_a_system_that_ignores_the_filter_is_never_believed(systems: Systems, others_first: bool) -> None:
    systems["crm"].switches.ignore_filters = True
    async with connected(systems) as c:
        if others_first:
            await c.crm.products_of_customers(["1001", "1002"], None, NAME)
        for _ in range(2):
            assert told((await c.crm.products_of_customers(["1001"], FIRST, NAME))["1001"]) == (2, None, True)
            for customer in ("1001", "1002", "1003"):
                await c.crm.products_of_customers([customer], None, NAME)


@pytest.mark.parametrize("ignoring", [False, True])
async def test_a_later_window_is_not_cut_out_of_everybodys_rows(systems: Systems, ignoring: bool) -> None:
    systems["ticketing"].switches.ignore_filters = ignoring
    async with connected(systems) as c:

        async def tickets(customer: str, window: Window | None) -> Rows[Any]:
            found = (await c.ticketing.tickets_of_customers([customer], window, NAME, is_open=None))[customer]
            assert isinstance(found, Rows)
            return found

        whole = await tickets("1001", None)
        later = await tickets("1001", Window(1, 1))
        assert (later.offset, later.items) == (0, whole.items)
        await tickets("1002", None)
        later = await tickets("1001", Window(1, 1))
        assert later.items == (whole.items if ignoring else whole.items[1:2])
        assert len(asked(systems["ticketing"])) == 4


async def test_under_more_conditions_it_is_not_believed(systems: Systems) -> None:
    async with connected(systems) as c:
        for customer in ("1002", "1001"):
            whole = (await c.ticketing.tickets_of_customers([customer], None, NAME, is_open=None))[customer]
        part = await c.ticketing.tickets_of_customers(["1001"], Window(0, 1), NAME, is_open=None)
        assert told(part["1001"])[1:] == (told(whole)[1], False)
        part = await c.ticketing.tickets_of_customers(["1001"], Window(0, 1), NAME, is_open=False)
        assert told(part["1001"]) == (1, None, True)


def test_one_answer_with_others_rows_is_enough_to_doubt_for_good() -> None:
    obeyed_filters = ObeyedFilters()
    obeyed_filters.record_answer("f", {"1"}, {"a": {"1"}})
    assert "f" not in obeyed_filters
    obeyed_filters.record_answer("f", {"2"}, {"b": {"2"}})
    assert "f" in obeyed_filters
    assert not obeyed_filters.is_open("f")
    obeyed_filters.record_answer("f", {"1"}, {"a": {"1"}, "c": {"3"}})
    obeyed_filters.record_answer("f", {"2"}, {"b": {"2"}})
    assert "f" not in obeyed_filters
    assert "g" not in obeyed_filters
    assert obeyed_filters.is_open("g")


def test_the_same_keys_or_the_same_row_prove_nothing() -> None:
    obeyed_filters = ObeyedFilters()
    obeyed_filters.record_answer("f", {"1"}, {"a": {"1", "2"}})
    obeyed_filters.record_answer("f", {"1"}, {})
    obeyed_filters.record_answer("f", {"2"}, {"b": {"2"}})
    obeyed_filters.record_answer("f", {"2", "3"}, {"c": {"3"}})
    assert "f" not in obeyed_filters
    obeyed_filters.record_answer("f", {"4"}, {})
    assert "f" in obeyed_filters


@pytest.mark.parametrize("personal", [False, True])
def test_a_system_that_shows_each_caller_its_own_rows_proves_nothing(personal: bool) -> None:
    obeyed_filters = ObeyedFilters(personal)
    obeyed_filters.record_answer("owner", {"A"}, {"r1": {"A"}})
    obeyed_filters.record_answer("owner", {"B"}, {"r2": {"B"}})
    assert ("owner" in obeyed_filters) == (not personal)
