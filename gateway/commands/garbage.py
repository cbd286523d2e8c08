"""How often Python looks for garbage that references alone do not free."""

import gc
from typing import Final

_NEW_OBJECTS: Final = 50_000
"""Containers made and not yet gone, before the garbage collector looks at them."""


def collect_rarely() -> None:
    """Make the garbage collector run less often.

    With Python's own thresholds it would visit all modules again and again while they are imported, a sixth of a
    start's time, and the objects of all requests under way, and find nothing to free.
    """
    gc.set_threshold(_NEW_OBJECTS, 20, 100)
