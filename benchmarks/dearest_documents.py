"""Random documents over the schema, as trees that can be changed a little, for `benchmarks.dearest`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from graphql import (
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

_DEEP: Final = 5
"""Levels of a selection that is added at once."""

_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "first": ("1", "5", "50", "1000"),
    "last": ("1", "1000"),
    "since": ('"2020-01-01T00:00:00Z"', '"2020-01-01"'),
    "open": ("true", "false"),
    "ids": ("$ids", "$same", "$wrong"),
    "id": ("$id",),
    "term": ('"a"',),
    "query": ('"a"',),
    "search": ('"a"',),
}
"""Arguments that are given, and what for."""


@dataclass(frozen=True)
class Selection:
    """A field, or with `on` an inline fragment; `copies` of it stand side by side, each under a key of its own."""

    name: str
    parent: str
    on: bool = False
    arguments: tuple[tuple[str, str], ...] = ()
    copies: int = 1
    below: tuple["Selection", ...] = field(default=())

    def written(self, place: str) -> str:
        """The text; `place` makes keys differ."""
        below = " ".join(one.written(f"{place}{number}") for number, one in enumerate(self.below))
        braces = f"{{{below}}}" if self.below else ""
        if self.on:
            return f"... on {self.name} {braces}"
        given = ", ".join(f"{name}: {value}" for name, value in self.arguments)
        call = f"{self.name}{f'({given})' if given else ''}"
        if self.copies == 1 and self.name == "__typename":
            return call
        return " ".join(f"{self.name.strip('_')}{place}_{copy}: {call} {braces}" for copy in range(self.copies))


class Documents:
    """Makes and changes trees over one schema."""

    def __init__(self, schema: GraphQLSchema, random: Random) -> None:
        self._schema, self._random = schema, random
        query = schema.query_type
        assert query is not None  # noqa: S101  # every schema has one
        self._root = query.name

    def new(self) -> Selection:
        """A random tree."""
        return Selection("", self._root, True, (), 1, self._some(self._schema.query_type, _DEEP))

    def text(self, tree: Selection) -> str:
        """The document, with the variables that it uses."""
        body = " ".join(one.written(f"r{number}") for number, one in enumerate(tree.below)) or "__typename"
        kinds = {"$ids": "[ID!]!", "$same": "[ID!]!", "$wrong": "[ID!]!", "$id": "ID!"}
        used = " ".join(f"{name}: {kind}" for name, kind in kinds.items() if name in body)
        return f"query {f'({used})' if used else ''} {{ {body} }}"

    def changed(self, tree: Selection) -> Selection:
        """The tree with one change: a selection added, removed, copied, or given other arguments."""
        if not tree.below:
            return self.new()
        place = self._random.randrange(len(tree.below))
        one = tree.below[place]
        if one.below and self._random.random() < 0.7:
            made: tuple[Selection, ...] = (self.changed(one),)
        else:
            made = self._random.choice((self._more, self._copied, self._argued, self._gone))(one)
        below = (*tree.below[:place], *made, *tree.below[place + 1 :])
        return replace(tree, below=below) if below else tree

    def _more(self, one: Selection) -> tuple[Selection, ...]:
        return one, *self._some(self._schema.get_type(one.parent), _DEEP)

    def _copied(self, one: Selection) -> tuple[Selection, ...]:
        return (
            replace(
                one, copies=min(98, max(1, one.copies * self._random.choice((2, 3, 10)) // self._random.choice((1, 2))))
            ),
        )

    def _gone(self, _one: Selection) -> tuple[Selection, ...]:
        return ()

    def _argued(self, one: Selection) -> tuple[Selection, ...]:
        found = self._field(one)
        return (replace(one, arguments=self._arguments(found)) if found else one,)

    def _field(self, one: Selection) -> GraphQLField | None:
        parent = self._schema.get_type(one.parent)
        return parent.fields.get(one.name) if isinstance(parent, GraphQLObjectType) and not one.on else None

    def _some(self, parent: GraphQLNamedType | None, deep: int) -> tuple[Selection, ...]:
        if isinstance(parent, GraphQLInterfaceType):
            possible = list(self._schema.get_possible_types(parent))
            chosen = self._random.sample(possible, self._random.randint(1, min(3, len(possible))))
            below = [(one.name, self._some(one, deep)) for one in chosen]
            return tuple(Selection(name, parent.name, True, (), 1, some) for name, some in below if some)
        if not isinstance(parent, GraphQLObjectType):
            return ()
        names = [name for name, one in parent.fields.items() if deep > 0 or is_leaf_type(get_named_type(one.type))]
        chosen_names = self._random.sample(names, min(len(names), self._random.randint(1, 4)))
        return tuple(self._made(parent, name, deep) for name in chosen_names) or (Selection("__typename", parent.name),)

    def _made(self, parent: GraphQLObjectType, name: str, deep: int) -> Selection:
        found = parent.fields[name]
        named: Any = get_named_type(found.type)
        below = () if is_leaf_type(named) else self._some(named, deep - 1) or (Selection("__typename", named.name),)
        return Selection(name, parent.name, False, self._arguments(found), 1, below)

    def _arguments(self, found: GraphQLField) -> tuple[tuple[str, str], ...]:
        def given() -> Iterator[tuple[str, str]]:
            for name, argument in found.args.items():
                if name in _VALUES and (is_required_argument(argument) or self._random.random() < 0.5):
                    yield name, self._random.choice(_VALUES[name])

        chosen = dict(given())
        if "first" in chosen:
            chosen.pop("last", None)
        return tuple(chosen.items())
