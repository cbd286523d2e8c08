"""What is done with as many rows as a system may answer (`max_rows`) holds up the event loop for no long time."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import Any

import pytest
from graphql import GraphQLError

from benchmarks.turns import watched
from connectors.billing.port import Bill
from connectors.crm.port import Customer
from connectors.links import CustomerKey, Links
from connectors.records import Rows, Window, changed, owned_by
from gateway.engine import Engine, Prepared
from gateway.engine.selection import selection_of
from resolvers.loader import NO_LINK
from resolvers.translated_ports import translated
from resolvers.viewer import Viewer, ViewerKind
from schema import build_schema
from tests.gateway.engine.ports import Operator
from tests.gateway.engine.product import Request

LONGEST = 0.15
"""CPU seconds of a turn. The aim is 0.05: a machine that others use counts up to three times that."""

ROWS = 20_000
SORTED = 'bills(first: 1, state: OVERDUE, since: "2020-01-01", sort: OLDEST) {totalCount}'
SAME = ", ".join(f'"Bill:{number}"' for number in range(20))
STAFF, SUBSCRIBER = Viewer(ViewerKind.AGENT), Viewer(ViewerKind.CUSTOMER, ("1",))
ENGINE = Engine(build_schema(), absent=NO_LINK)
OPERATOR = Operator(2, 0.0, most=20)


def rows() -> Rows[Bill]:
    """As many bills of customer 1 as may be read at once, in no order."""
    chance, some = Random(1), list(OPERATOR.tables[Bill].values())
    for number, one in enumerate(some):
        OPERATOR.tables[Bill][one.id] = some[number] = changed(one, owners=owned_by("1"))
    days = (date(2020, 1, 1) + timedelta(days=chance.randrange(2000)) for _ in range(2 * ROWS))
    return Rows.of(
        [
            changed(some[number % len(some)], id=f"{number}", bill_date=next(days), due_date=next(days))
            for number in range(ROWS)
        ]
    )


BILLS = rows()


async def longest(document: str, viewer: Viewer, links: Links) -> float:
    """CPU seconds of the longest turn in which a document is answered, while the bills come at once."""
    prepared = ENGINE.prepare(document)
    assert isinstance(prepared, Prepared)
    operation = ENGINE.operation(prepared, None)
    assert not isinstance(operation, GraphQLError)
    ports = OPERATOR.connectors()

    async def bills(customers: Sequence[str], _window: Window | None, _fields: Any) -> dict[str, Any]:
        return dict.fromkeys(customers, BILLS)

    async def known_as(_key: CustomerKey, values: Sequence[str], _fields: Any) -> dict[str, Any]:
        return {value: Rows.of([OPERATOR.tables[Customer][value]]) for value in values}

    vars(ports.billing)["bills_of_customers"] = bills
    vars(ports.crm)["customers_known_as"] = known_as
    ports = replace(ports, links={**ports.links, "billing": links})
    context = Request(viewer, ports, translated, selection_of(ENGINE.core_schema, prepared, operation))
    context.operator, context.calls, context.writes = OPERATOR, [], []
    with watched(asyncio.get_running_loop()) as turns:
        await asyncio.sleep(0)
        turns.longest = 0.0
        outcome = await ENGINE.execute(prepared, operation, {}, context)
        await context.close()
        await asyncio.sleep(0)
    assert outcome.errors == []
    assert str(ROWS) in str(outcome.data)
    return turns.longest


@pytest.mark.parametrize(
    ("viewer", "links"),
    [
        (STAFF, Links()),
        (SUBSCRIBER, Links(customer_key=CustomerKey("party"))),
        pytest.param(STAFF, Links(customer_key=CustomerKey("party")), marks=pytest.mark.long),
        pytest.param(SUBSCRIBER, Links(), marks=pytest.mark.long),
    ],
    ids=["staff", "subscriber, translated", "staff, translated", "subscriber"],
)
@pytest.mark.parametrize(
    "document",
    [
        f"{{customer(id: 1) {{{SORTED}}}}}",
        "{customer(id: 1) {bills(last: 1) {totalCount nodes {id}}}}",
        # At 8b1ca22 the list was sorted for each of them: 393 ms in one turn.
        f"{{nodes(ids: [{SAME}]) {{... on Bill {{customer {{{SORTED}}}}}}}}}",
    ],
    ids=["sorted", "last", "for each of several"],
)
async def test_no_turn_is_long(document: str, viewer: Viewer, links: Links) -> None:
    first = await longest(document, viewer, links)
    assert min(first, await longest(document, viewer, links) if first > LONGEST else first) <= LONGEST
