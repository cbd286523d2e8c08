"""What new documents add to what Python's garbage collector has to look at."""

import gc
from typing import Final

_MANY: Final = 2000
"""Containers made and not yet gone."""


def looked_at_new_objects() -> bool:
    """Let the garbage collector look at them now, where they are many, which takes some milliseconds. Whether it did.

    Documents and plans stay, thousands of objects each. By itself the collector looks at those of many documents at
    once, in a tenth of a second in which nobody is answered.
    """
    is_time = gc.isenabled() and gc.get_count()[0] > _MANY
    if is_time:
        gc.collect(1)
    return is_time
