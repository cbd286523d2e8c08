"""What new documents add to what Python's garbage collector has to look at."""

import gc
from typing import Final

_MANY: Final = 2000
"""Containers made and not yet gone."""


def look_at_new_objects() -> None:
    """Let the garbage collector look at them now, where they are many, which takes some milliseconds.

    Documents and plans stay, thousands of objects each. By itself the collector looks at those of many documents at
    once, in a tenth of a second in which nobody is answered.
    """
    if gc.isenabled() and gc.get_count()[0] > _MANY:
        gc.collect(1)
