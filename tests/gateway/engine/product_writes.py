"""Mutations over the product's own types and ports, which can be made to fail: they look, write, and are read back."""

import asyncio
from collections.abc import Iterable
from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from connectors.billing import port as billing
from connectors.crm import port as crm
from connectors.errors import Failed
from connectors.ticketing import port as ticketing
from resolvers.billing import BillById
from resolvers.crm import KnownCustomerById
from resolvers.nodes import NodeById, local_id
from schema import Graph
from schema.billing import Bill
from schema.crm import Customer
from schema.fields import Info, edge
from schema.leaves import SCALARS
from schema.node import Node
from schema.query import Query
from schema.ticketing import Ticket


class Written:
    """What a write answers."""

    def __init__(self, ids: Iterable[str], code: str | None) -> None:
        self.ids, self.code = list(ids), code
        self.node_id = next(iter(self.ids), None)


@strawberry.type
class Done:
    """A payload: everything that was written is read again."""

    code: str
    node: Node | None = edge(NodeById, "node_id")
    strict_node: Node = edge(NodeById, "node_id")
    nodes: list[Node | None] | None = edge(NodeById, "ids", per_key=True)
    strict_nodes: list[Node] = edge(NodeById, "ids", per_key=True)


def _write(info: Info, name: str, key: str) -> Any:
    """Change what the systems keep. Raises `Failed` where they are bad."""
    context: Any = info.context
    context.writes.append((name, key))
    context.operator.change()
    if context.operator.fails(name, key):
        raise Failed("crm", f"{name} {key}")
    return context.operator


@strawberry.type
class Mutation:
    """The writes: of one's own only, and those of strangers are as if there were nothing."""

    @strawberry.mutation
    async def rename(self, info: Info, id: strawberry.ID) -> Customer | None:  # noqa: A002  # as elsewhere
        """It looks first, and answers with the record itself."""
        own = local_id("Customer", id)
        if await KnownCustomerById.of(info.context).load(own) is None:
            return None
        operator = _write(info, "rename", own)
        await asyncio.sleep(0)
        return operator.tables[crm.Customer].get(own)  # type: ignore[no-any-return]  # a record

    @strawberry.mutation
    async def pay(self, info: Info, id: strawberry.ID) -> Bill:  # noqa: A002  # as elsewhere
        """It must answer."""
        own = local_id("Bill", id)
        if await BillById.of(info.context).load(own) is None:
            return None  # type: ignore[return-value]  # wrong, and told so
        return _write(info, "pay", own).tables[billing.Bill].get(own)  # type: ignore[no-any-return]  # a record

    @strawberry.mutation
    def open_ticket(self, info: Info, id: strawberry.ID) -> Ticket | None:  # noqa: A002  # as elsewhere
        """It does not wait."""
        own = local_id("Ticket", id)
        return _write(info, "open_ticket", own).tables[ticketing.Ticket].get(own)  # type: ignore[no-any-return]  # likewise

    @strawberry.mutation
    async def touch(self, info: Info, id: strawberry.ID) -> Node | None:  # noqa: A002  # as elsewhere
        """Anything, by its global id."""
        found = await NodeById.of(info.context).load(id)
        _write(info, "touch", id)
        return found  # type: ignore[no-any-return]  # a record

    @strawberry.mutation
    async def change(self, info: Info, ids: list[strawberry.ID]) -> Done | None:
        """Several."""
        operator = _write(info, "change", ",".join(ids))
        return Written(ids, None if operator.fails("code", *ids) else "code")  # type: ignore[return-value]  # a payload

    @strawberry.mutation
    async def strict_change(self, info: Info, ids: list[strawberry.ID]) -> list[Done]:
        """Several, one after the other."""
        done = []
        for one in ids:
            await asyncio.sleep(0)
            operator = _write(info, "strict_change", one)
            done.append(None if operator.fails("done", one) else Written([one, *ids], "code"))
        return done  # type: ignore[return-value]  # payloads


def build() -> Graph:
    """The product's schema, with these."""
    return Graph(query=Query, mutation=Mutation, config=StrawberryConfig(auto_camel_case=True, scalar_map=SCALARS))
