"""Operations for the product's own schema, and mutations of its types, over its four ports in process."""

import base64
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any, Final

from gateway.engine import Prepared
from gateway.engine.selection import Selection, selection_of
from resolvers.context import RequestContext
from resolvers.nodes import NODES
from resolvers.paging import MAX_PAGE
from resolvers.translated_ports import translated
from resolvers.viewer import Viewer, ViewerKind
from schema.guards import SCOPES
from tests.gateway.engine import product_writes
from tests.gateway.engine.comparing import Answer, Context, Pair
from tests.gateway.engine.operations import Operation, Writer
from tests.gateway.engine.ports import MOST, Operator
from tests.gateway.engine.torture import some_ids

PAIR: Final = Pair(product_writes.build)
NOT_PLANNED: Final = frozenset({"systems"})
"""It has a resolver of its own: graphql-core runs what selects it."""

VIEWERS: Final = (
    Viewer(ViewerKind.AGENT),
    Viewer(ViewerKind.CUSTOMER, ("1",)),
    Viewer(ViewerKind.CUSTOMER, ("1", "3")),
)


MUTATIONS: Final = 0.2
"""Share of the operations."""
BY_ID: Final = 0.15
"""Share of the queries that only find things by ids, of which the others have some, too."""


class Request(RequestContext):
    """What a request carries; the writes are noted, and when the loaders were forgotten."""

    operator: Operator
    calls: list[str]
    writes: list[tuple[str, str]]

    def renew(self) -> None:
        """As the real one."""
        self.writes.append(("renewed", ""))
        super().renew()


def with_some_scopes(viewer: Viewer, chance: Random) -> Viewer:
    """All scopes, as without settings, or some, of which some are the viewer's alone."""
    if chance.random() < 0.4:
        return viewer
    some = frozenset(one for one in sorted(SCOPES) if chance.random() < 0.6)
    noted = frozenset(one for one in sorted(some) if chance.random() < 0.5)
    return replace(viewer, scopes=some, noted_scopes=noted)


def case(seed: int, *, other: bool = False) -> tuple[Operation, Context]:
    """One operation and who asks it of which operator; everybody gets an operator like that, of his own.

    `other`: the same operation, but somebody else asks it, of another operator.
    """
    chance = Random(seed)  # data, not a secret
    skip = NOT_PLANNED if chance.random() < 0.97 else frozenset[str]()
    badness = chance.choice([0.0, 0.0, 0.05, 0.2])
    viewer = chance.choices(VIEWERS, (8, 4, 2))[0]
    if other:
        viewer = VIEWERS[VIEWERS.index(viewer) - 1]
    viewer = with_some_scopes(viewer, Random(seed + other))  # data, not a secret
    words = WORDS if badness else WELL
    writer = Writer(PAIR.ours.core_schema, chance, depth=chance.randrange(3, 7), most=3, words=words)
    way = chance.random()
    if way < MUTATIONS:
        writer.kind, writer.most, skip = "mutation", 4, frozenset()
    elif way < MUTATIONS + BY_ID:
        skip = frozenset(PAIR.ours.core_schema.query_type.fields) - {"node", "nodes", "customer"}  # type: ignore[union-attr]  # it has one
    operation = writer.operation(skip)

    selection: dict[Prepared, Selection] = {}

    def context(prepared: Prepared) -> RequestContext:
        operator = Operator(seed + other, badness)
        if prepared not in selection:
            _, asked = PAIR.prepared(operation)
            selection[prepared] = selection_of(PAIR.ours.core_schema, prepared, asked)
        made = Request(viewer, operator.connectors(), translated, selection[prepared])
        made.operator, made.calls, made.writes = operator, operator.calls, []
        return made

    return operation, context


def _cursor(chance: Random) -> str:
    place = chance.randrange(MOST)
    made = base64.urlsafe_b64encode(f"{place}:{place}".encode()).decode().rstrip("=")
    return chance.choice([made, made, made, "no cursor"])


def is_whole(answer: Answer) -> bool:
    """Whether all was there that was asked for: no null, no empty list."""

    def filled(value: Any) -> bool:
        if isinstance(value, dict):
            return all(map(filled, value.values()))
        return all(map(filled, value)) and bool(value) if isinstance(value, list) else value is not None

    return filled(answer.data)


def _global_id(chance: Random, most: int = MOST) -> str:
    return f"{chance.choice(list(NODES))}:{chance.randrange(most)}"


def _some_id(chance: Random) -> str:
    """A global id, of something that is not there, or none."""
    return chance.choice(NO_IDS) if chance.random() < 0.15 else _global_id(chance, MOST + 2)


def _some_ids(chance: Random) -> Any:
    """Several, many of them more than once; at times too many."""
    return some_ids(chance, _some_id, most=MAX_PAGE + 9 if chance.random() < 0.02 else 7)


def _own_id(type_name: str) -> Callable[[Random], str]:
    """Makes ids of one type, with and without its name, and at times of another type or none."""

    def own(chance: Random) -> str:
        plain = str(chance.randrange(MOST + 1))
        return chance.choice([plain, plain, f"{type_name}:{plain}", f"{type_name}:{plain}", _some_id(chance)])

    return own


NO_IDS: Final = ("1", "Nothing:1", "", "Bill:", "bill:1", "Ticket:1:2", ":1", " Customer:1")
"""Some of which look like global ids."""


WORDS: Final[dict[str, Callable[[Random], Any]]] = {
    "after": _cursor,
    "before": _cursor,
    "first": lambda chance: chance.choice([0, 1, 2, 3, 20, -1]),
    "last": lambda chance: chance.choice([0, 1, 2, 20]),
    "search": lambda chance: chance.choice(["name", "1", "R2", "2@example.com", "", "Ticket:3", "nobody"]),
    "id": lambda chance: chance.choice([*map(str, range(MOST + 1)), "Customer:1", ""]),
    "node.id": _some_id,
    "touch.id": _some_id,
    "rename.id": _own_id("Customer"),
    "pay.id": _own_id("Bill"),
    "openTicket.id": _own_id("Ticket"),
    "bill.id": _own_id("Bill"),
    "ids": _some_ids,
}
"""Values of arguments by their names, where any would do but few would find anything."""

WELL: Final = {
    **dict.fromkeys(["after", "before", "last", "since", "until", "state", "status", "open"], lambda _chance: None),
    "first": lambda chance: chance.choice([1, 2, 3, 20]),
    "search": lambda chance: chance.choice(["name", "resource"]),
    "id": lambda chance: str(chance.randrange(MOST)),
    "node.id": _global_id,
    "touch.id": _global_id,
    "ids": lambda chance: [_global_id(chance) for _ in range(chance.randrange(1, 4))],
}
"""The same, but what is asked for so is there."""
