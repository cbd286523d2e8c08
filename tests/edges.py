"""Values at the edge of their type, for the tests that throw them at every setting, argument and attribute.

`FUZZ_EDGES` says how many times more examples there are than in `make test`; `make fuzz` sets it.
"""

import json
import os
from collections.abc import Iterator
from typing import Any, Final

from hypothesis import settings
from hypothesis import strategies as st

TIMES: Final = int(os.environ.get("FUZZ_EDGES", "1"))
TRIED: Final = settings(max_examples=3 * TIMES, deadline=None, database=None, derandomize=TIMES == 1, print_blob=True)
"""How many lists of values are tried for each place; in `make test` the same ones each time."""

NAMED_TEXTS: Final = [
    "",
    " ",
    "\n",
    "a\n",
    "a\r\nX-Evil: 1",
    "\x00",
    "\x7f",
    "\ud800",
    "a:b",
    "a/b",
    "..",
    "../..",
    "%",
    "%2",
    "%2F",
    "?a=b",
    "#",
    "@",
    "//host",
    "\\",
    '"',
    "'",
    "{}",
    "žluť",
    "\u202e",
    "\U0001f40e",
    "\ufeff",
    "e\u0301",
    "abc",
    "A1",
    "X-Key",
    "/a/b?c=d",
    "/a",
    "x" * 5000,
]
TEXTS: Final = st.one_of(st.sampled_from(NAMED_TEXTS), st.text(max_size=12), st.characters(codec=None))

JSON_EDGES: Final = [
    "null",
    "true",
    "0",
    "-1",
    "3000000000",
    "-3000000000",
    "9007199254740993",
    "9007199254740993.0",
    "18446744073709551617",
    "1e400",
    "-1e-400",
    "1e308",
    "0.1",
    "1" * 5000,
    '""',
    '" "',
    '"a\\u0000b"',
    '"\\ud83d\\udc0e"',
    '"a\\ud800b"',
    '"\\udc00"',
    '"NaN"',
    '"-Infinity"',
    '"1e999999"',
    '"0001-01-01T00:00:00+14:00"',
    '"0001-01-01"',
    '"9999-12-31T23:59:59-14:00"',
    '"9998-12-31T23:59:59-23:59"',
    '"2026-02-30"',
    '"2016-12-31T23:59:60Z"',
    '"2026-11-29T10:00:00+24:00"',
    '"' + "x" * 100_000 + '"',
    "[]",
    "{}",
    "[[]]",
    "[null]",
    "[1]",
    '[{"id": null}]',
    '{"id": 1}',
    '{"id": {}, "value": {}, "unit": []}',
    "[" * 50 + "]" * 50,
]
"""Values as JSON, some of which no JSON library would write."""

_MARK: Final = "\x00edge\x00"

Place = tuple[str, ...]


def paths(value: Any, above: Place = ()) -> Iterator[Place]:
    """Every place in the rows of an answer; the items of a list are one place."""
    if above:
        yield above
    if isinstance(value, dict):
        for key, one in value.items():
            yield from paths(one, (*above, key))
    elif isinstance(value, list):
        for one in value:
            yield from paths(one, (*above, "*"))


def changed(value: Any, path: Place) -> Any:
    """The answer with the mark in this place."""
    if not path:
        return _MARK
    step, *rest = path
    if step == "*" and isinstance(value, list):
        return [changed(one, tuple(rest)) for one in value]
    if isinstance(value, dict) and step in value:
        return {**value, step: changed(value[step], tuple(rest))}
    return value


def with_edge(body: Any, path: Place, raw: str) -> bytes:
    text = json.dumps(changed(body, path))
    return text.replace(json.dumps(_MARK), raw).encode()
