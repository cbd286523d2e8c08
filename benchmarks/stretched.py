"""Runs the gateway of the checkout on PYTHONPATH with longer slices, ticks and delays: its arguments are its command's.

Under valgrind everything takes some fifty times as long. What the gateway does by the clock (turns for others after 5
ms, a look at the load every 20) would be done fifty times as often for the same work.
"""

import importlib
import os
import runpy
import sys
from collections.abc import Mapping
from typing import Final

SECONDS: Final = 9.0
TIMES: Final[Mapping[str, tuple[str, ...]]] = {
    "gateway.engine.turns": ("SLICE",),
    "gateway.engine.run": ("SLICE",),
    "connectors.reading.turns": ("TURN",),
    "gateway.http.admission": ("_TICK",),
    "gateway.http.disconnect": ("WATCH_DELAY",),
}
"""By module, the names of such times. An older commit may lack some."""


def main() -> None:
    """Stretch the times, and run it."""
    sys.path[0] = os.environ["PYTHONPATH"]
    for module, names in TIMES.items():
        try:
            found = importlib.import_module(module)
        except ImportError:
            continue
        for name in names:
            if hasattr(found, name):
                setattr(found, name, SECONDS)
    coalescing = importlib.import_module("gateway.http.write_coalescing")
    coalescing.HttpProtocol.turns = coalescing.LoopTurns(SECONDS)
    runpy.run_module("gateway", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
