"""How often Python looks for garbage that references alone do not free."""

import gc
from typing import Final

_NEW_OBJECTS: Final = 5_000
"""Containers made and not yet gone, before the garbage collector looks at them. All are looked at in one turn of the
event loop, and those that are garbage are freed in it: 20 ms where all are."""

_YOUNG: Final = 3
"""Looks at new objects before one at those that stayed since the last such look: some 20,000 at most, 30 ms, also while
large answers are made."""

_OLD: Final = 7000
"""Such looks before one at all objects."""

_AT_START: Final = (50_000, 20, 100)
"""The same three while the program starts, when nobody waits for a turn."""


def collect_rarely() -> None:
    """Make the garbage collector run less often, while the program starts.

    With Python's own thresholds it would visit all modules again and again while they are imported, a sixth of a
    start's time, and find nothing to free.
    """
    gc.set_threshold(*_AT_START)


def collect_in_short_turns() -> None:
    """Make the garbage collector run less often, but for no longer than others may wait, while requests are served.

    Their objects are freed with their last reference, and those under way would be visited again and again.
    """
    gc.set_threshold(_NEW_OBJECTS, _YOUNG, _OLD)
