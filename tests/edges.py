"""Values at the edge of their type, for the tests that throw them at every setting, argument and attribute.

`FUZZ_EDGES` says how many times more examples there are than in `make test`; `make fuzz` sets it.
"""

import os
from typing import Final

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
