"""The linear rule of overlapping fields refuses exactly what graphql-core's refuses, which compares fields in pairs."""

from random import Random
from typing import Final

import pytest
from graphql import OverlappingFieldsCanBeMergedRule, build_schema, parse, validate

from gateway.engine.overlapping import overlapping
from gateway.engine.turns import at_once

SCHEMA: Final = build_schema(
    """
    interface Being { name: String  friend(of: Int): Being  friends: [Being!] }
    interface Named { name: String }
    type Cat implements Being & Named {
      name: String  friend(of: Int): Being  friends: [Being!]  age: Int  lives: Int!  home: Home  pets: [Cat]
    }
    type Dog implements Being & Named {
      name: String  friend(of: Int): Being  friends: [Being!]  age: Float  lives: Int  home: [Home]  pets: [Cat!]
    }
    type Home { name: String!  owner: Being  pets(of: Int): [Pet] }
    union Pet = Cat | Dog
    type Query { being: Being  cat: Cat  dog: Dog  pet: Pet  home: Home }
    """
)

FIELDS: Final = {
    "Query": {"being": "Being", "cat": "Cat", "dog": "Dog", "pet": "Pet", "home": "Home"},
    "Being": {"name": None, "friend": "Being", "friends": "Being"},
    "Named": {"name": None},
    "Cat": {"name": None, "age": None, "lives": None, "friend": "Being", "home": "Home", "pets": "Cat"},
    "Dog": {"name": None, "age": None, "lives": None, "friend": "Being", "home": "Home", "pets": "Cat"},
    "Home": {"name": None, "owner": "Being", "pets": "Pet"},
    "Pet": {"__typename": None},
}
CONDITIONS: Final = {
    "Being": ("Cat", "Dog", "Being", "Named", "Pet"),
    "Named": ("Cat", "Dog", "Being"),
    "Pet": ("Cat", "Dog", "Being"),
    "Cat": ("Being", "Cat"),
    "Dog": ("Being", "Dog"),
    "Home": ("Home",),
    "Query": ("Query",),
}
FRAGMENTS: Final = tuple((f"F{number}", kind) for number, kind in enumerate(("Being", "Cat", "Dog", "Home")))


def selections(chosen: Random, kind: str, depth: int, spreads: tuple[tuple[str, str], ...]) -> str:
    """A selection set on this type; it may spread these fragments."""
    parts = []
    for _ in range(chosen.randint(1, 3)):
        choice = chosen.randint(0, 9)
        fitting = [name for name, on in spreads if on == kind or on in CONDITIONS[kind]]
        if choice == 0 and fitting:
            parts.append(f"...{chosen.choice(fitting)}")
        elif choice <= 3 and depth > 0:
            on = chosen.choice(CONDITIONS[kind])
            parts.append(f"... on {on} {selections(chosen, on, depth - 1, spreads)}")
        else:
            name = chosen.choice(sorted(FIELDS[kind]))
            below = FIELDS[kind][name]
            if below is not None and depth == 0:
                name, below = "__typename", None
            alias = chosen.choice(("", "", "a: ", "name: "))
            takes = {("Being", "friend"), ("Cat", "friend"), ("Dog", "friend"), ("Home", "pets")}
            argument = chosen.choice(("", "", "(of: 1)", "(of: 2)")) if (kind, name) in takes else ""
            parts.append(f"{alias}{name}{argument} {selections(chosen, below, depth - 1, spreads) if below else ''}")
    return "{ " + " ".join(parts) + " }"


def documents(chosen: Random) -> str:
    """A query with fragments, each of which may spread those after it."""
    parts = [f"query {selections(chosen, 'Query', chosen.randint(1, 4), FRAGMENTS)}"]
    for number, (name, kind) in enumerate(FRAGMENTS):
        spreads = FRAGMENTS[number + 1 :]
        if any(f"...{name}" in part for part in parts):
            parts.append(f"fragment {name} on {kind} {selections(chosen, kind, chosen.randint(0, 2), spreads)}")
    return "\n".join(parts)


@pytest.mark.parametrize("seeds", [range(150), pytest.param(range(150, 20_000), marks=pytest.mark.long)])
def test_it_refuses_what_graphql_core_refuses(seeds: range) -> None:
    refused = 0
    for seed in seeds:
        source = documents(Random(seed))
        document = parse(source)
        theirs = validate(SCHEMA, document, [OverlappingFieldsCanBeMergedRule])
        ours = at_once(overlapping(SCHEMA, document))
        assert bool(ours) == bool(theirs), (source, theirs, ours)
        refused += bool(ours)
    assert 0.2 < refused / len(seeds) < 0.8  # both kinds are tried


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{ a: cat { name } a: dog { name } }", "'cat' and 'dog' are different fields"),
        (
            "{ being { friend(of: 1) { name } ... on Cat { friend { name } } } }",
            "subfields 'friend' conflict because they have differing arguments",
        ),
        (
            "{ pet { ... on Cat { age } ... on Dog { age } } }",
            "subfields 'age' conflict because they return conflicting types 'Int' and 'Float'",
        ),
    ],
)
def test_it_says_why(source: str, message: str) -> None:
    (error,) = at_once(overlapping(SCHEMA, parse(source)))
    assert message in error.message
