"""What nobody selected is not decoded, should it come all the same: it costs nothing, and can break nothing."""

import msgspec
import pytest
from aiohttp import web

from connectors.reading.rows import Identified
from connectors.tmf.mapping import partial_row_type
from tests.connectors.canned import canned, reading


class Thing(Identified, rename="camel"):
    """A row with all that rows have: other names, a list that is made, and a property."""

    some_name: str | None = None
    parts: list[str] = []
    state: str | None = msgspec.field(name="@state", default="new")

    @property
    def shown(self) -> str:
        """Made of two attributes."""
        return f"{self.some_name} {self.state}"


THING = b'{"id":7,"someName":"Ada","parts":["a"],"@state":"old"}'


@pytest.mark.parametrize(
    ("names", "read"),
    [
        ({"someName", "parts", "@state", "id"}, ("Ada", ["a"], "old", "Ada old")),
        ({"someName"}, ("Ada", [], "new", "Ada new")),
        ({"@state"}, (None, [], "old", "None old")),
        (frozenset(), (None, [], "new", "None new")),
    ],
)
def test_the_others_have_their_defaults(names: set[str], read: tuple[object, ...]) -> None:
    row = msgspec.json.decode(THING, type=partial_row_type(Thing, names))
    assert (row.some_name, row.parts, row.state, row.shown) == read
    assert row.id == 7
    assert [one.encode_name for one in msgspec.structs.fields(row)] == [
        name for name in ("id", "someName", "parts", "@state") if name == "id" or name in names
    ]


def test_where_all_are_wanted_it_is_the_row_itself() -> None:
    assert partial_row_type(Thing, None) is Thing


async def test_what_was_not_asked_for_makes_no_row_unreadable() -> None:
    async def ignoring(_request: web.Request) -> web.Response:  # what `fields=` asks for
        party = {"id": "1", "role": "customer", "@referredType": "Customer"}
        bill = {"id": "B1", "billNo": "N1", "relatedParty": [party], "amountDue": "much"}
        return web.json_response([bill], headers={"X-Total-Count": "1"})

    async with canned(customerBill=ignoring) as server, reading(server) as connectors:
        found = await connectors.billing.bills(["B1"], frozenset({"number"}))
        wrong = await connectors.billing.bills(["B1"], frozenset({"number", "amount_due"}))
        assert len(server.seen) == 2
    assert found["B1"].number == "N1"  # type: ignore[union-attr]
    assert wrong["B1"].amount_due is None  # type: ignore[union-attr]
