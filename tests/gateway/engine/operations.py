"""Operations for a schema, at random: aliases, fragments, directives, variables, arguments of every sort."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
)


@dataclass
class Operation:
    """A document and the variables that go with it."""

    document: str
    variables: dict[str, Any]


@dataclass
class Writer:
    """Writes one operation. A response key always stands for one field with one set of arguments, so that all merge."""

    schema: GraphQLSchema
    chance: Random
    depth: int = 5
    most: int = 5
    """Most fields and fragments at one place."""
    words: Mapping[str, Callable[[Random], Any]] = field(default_factory=dict)
    """Values of arguments by their names, or by those of field and argument."""
    without: frozenset[str] = frozenset()
    """Names of fields to leave out wherever they are."""
    variables: dict[str, Any] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)
    kind: str = "query"

    def operation(self, skip: frozenset[str] = frozenset()) -> Operation:
        """A query or a mutation, by `kind`; `skip` names root fields to leave out."""
        root = self.schema.mutation_type if self.kind == "mutation" else self.schema.query_type
        assert root is not None
        body = self._selection(root, self.depth, skip)
        head = f"{self.kind} Q({', '.join(self.declared)}) " if self.declared else f"{self.kind} Q "
        return Operation("\n".join([head + body, *self.fragments]), self.variables)

    def _selection(self, parent: GraphQLNamedType, depth: int, skip: frozenset[str] = frozenset()) -> str:
        parts = [self._part(parent, depth, skip) for _ in range(self.chance.randrange(1, self.most + 1))]
        return "{ " + " ".join(filter(None, [*parts, self._maybe("__typename", 0.2)])) + " }"

    def _maybe(self, text: str, how_often: float) -> str:
        return text if self.chance.random() < how_often else ""

    def _part(self, parent: GraphQLNamedType, depth: int, skip: frozenset[str]) -> str:
        kind = self.chance.random()
        if kind < 0.15 and not skip and depth > 1:
            return self._fragment(parent, depth)
        if isinstance(parent, GraphQLUnionType):
            return self._fragment(parent, depth) if depth > 1 else "__typename"
        assert isinstance(parent, GraphQLObjectType | GraphQLInterfaceType)
        names = [
            name
            for name, one in parent.fields.items()
            if name not in skip
            and name not in self.without
            and (depth > 1 or not is_composite_type(get_named_type(one.type)))
        ]
        return self._field(parent, self.chance.choice(names), depth) if names else "__typename"

    def _fragment(self, parent: GraphQLNamedType, depth: int) -> str:
        kinds: list[GraphQLNamedType] = [parent]
        if isinstance(parent, GraphQLInterfaceType | GraphQLUnionType):
            kinds = [*self.schema.get_possible_types(parent)]
            kinds += [parent] if isinstance(parent, GraphQLInterfaceType) else []
        kind = self.chance.choice(kinds)
        body = self._selection(kind, depth - 1)
        if self.chance.random() < 0.5:
            return f"... on {kind.name}{self._directive()} {body}"
        name = f"F{len(self.fragments)}"
        self.fragments.append(f"fragment {name} on {kind.name} {body}")
        return f"...{name}{self._directive()}"

    def _field(self, parent: Any, name: str, depth: int) -> str:
        one = parent.fields[name]
        arguments = self._arguments(name, one.args)
        named = get_named_type(one.type)
        # Fields of one key must be alike, wherever fragments bring them together: types with another shape have others.
        shape = str(one.type).replace(named.name, "{}") if is_composite_type(named) else one.type
        written = f"{name}{arguments}:{shape}"
        key = name if not arguments else f"{name}{self.chance.randrange(3)}"
        if self.chance.random() < 0.2 or self.keys.setdefault(key, written) != written:
            key = f"k{len(self.keys)}"
            self.keys[key] = written
        below = f" {self._selection(named, depth - 1)}" if is_composite_type(named) else ""
        return f"{'' if key == name else key + ': '}{name}{arguments}{self._directive()}{below}"

    def _directive(self) -> str:
        if self.chance.random() > 0.12:
            return ""
        value = self.chance.choice(["true", "false", "variable", "variable"])
        if value == "variable":
            value = self._variable(GraphQLNonNull(GraphQLBoolean), self.chance.random() < 0.5)
        return f" @{self.chance.choice(['skip', 'include'])}(if: {value})"

    def _arguments(self, field: str, arguments: dict[str, GraphQLArgument]) -> str:
        given = []
        for name, one in arguments.items():
            if isinstance(one.type, GraphQLNonNull) or self.chance.random() < 0.5:
                value = self._argument(field, name, one.type)
                if self.chance.random() < 0.4:
                    given.append(f"{name}: {self._variable(one.type, value)}")
                else:
                    given.append(f"{name}: {_literal(value, one.type)}")
        return f"({', '.join(given)})" if given else ""

    def _argument(self, field: str, name: str, kind: GraphQLInputType) -> Any:
        word = self.words.get(f"{field}.{name}") or self.words.get(name)
        if word and (isinstance(kind, GraphQLNonNull) or self.chance.random() < 0.9):
            return word(self.chance)
        return self._value(kind)

    def _variable(self, kind: GraphQLInputType, value: Any) -> str:
        """A variable with a value, with a default, with both or with none; a null is given only where it may be."""
        name, way = f"v{len(self.declared)}", self.chance.random()
        if way < 0.3 and value is not None:
            default = _literal(value, kind)
            self.declared.append(f"${name}: {_nullable(kind)} = {default}")
            if way < 0.15:  # a null where none may be is found when the field is come to
                self.variables[name] = None if way < 0.01 else value
        else:
            self.declared.append(f"${name}: {kind}")
            if isinstance(kind, GraphQLNonNull) or way < 0.9:
                self.variables[name] = value
        return f"${name}"

    def _value(self, kind: GraphQLInputType) -> Any:
        if isinstance(kind, GraphQLNonNull):
            return self._present(kind.of_type)
        return None if self.chance.random() < 0.2 else self._present(kind)

    def _present(self, kind: Any) -> Any:
        if isinstance(kind, GraphQLList):
            return [self._value(kind.of_type) for _ in range(self.chance.randrange(3))]
        if isinstance(kind, GraphQLEnumType):
            return self.chance.choice(list(kind.values))
        if isinstance(kind, GraphQLInputObjectType):
            return {
                name: self._value(one.type)
                for name, one in kind.fields.items()
                if isinstance(one.type, GraphQLNonNull) or self.chance.random() < 0.6
            }
        return {
            "Int": self.chance.randrange(-1, 9),
            "Float": 1.5,
            "Boolean": self.chance.random() < 0.5,
            "DateTime": "2026-06-01T00:00:00Z",
            "Date": "2026-06-01",
        }.get(kind.name, str(self.chance.randrange(9)))


def _nullable(kind: GraphQLInputType) -> GraphQLInputType:
    """A variable with a default may be declared without its `!`."""
    return kind.of_type if isinstance(kind, GraphQLNonNull) else kind


def _literal(value: Any, kind: Any) -> str:
    if isinstance(kind, GraphQLNonNull):
        return _literal(value, kind.of_type)
    if value is None:
        return "null"
    if isinstance(kind, GraphQLList):
        if not isinstance(value, list):  # one alone is a list of one
            return _literal(value, kind.of_type)
        return "[" + ", ".join(_literal(one, kind.of_type) for one in value) + "]"
    if isinstance(kind, GraphQLEnumType):
        return str(value)
    if isinstance(kind, GraphQLInputObjectType):
        return "{" + ", ".join(f"{name}: {_literal(one, kind.fields[name].type)}" for name, one in value.items()) + "}"
    return json.dumps(value)
