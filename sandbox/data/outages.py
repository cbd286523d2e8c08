"""Outages of street cabinets, which the inventory shows as alarms and ticketing as service problems."""

from dataclasses import dataclass
from typing import Final, Literal

from sandbox.data.world import World

MOST_OPEN: Final = 12
CLOSED: Final = 24


@dataclass(frozen=True, slots=True)
class Outage:
    """An outage of a street cabinet's optical line terminal, or of the whole cabinet."""

    number: int
    cabinet: int
    kind: Literal["OLT", "Cabinet"]
    is_open: bool


def open_outages(world: World) -> list[Outage]:
    """Return the open outages, at most one per cabinet. The first affects customer 1001, whose broadband is down."""
    cabinets = len(world.cabinets)
    count = min(MOST_OPEN, max(1, world.customers // 25), cabinets)
    return [Outage(k + 1, 1 + k * cabinets // count, "Cabinet" if k % 2 else "OLT", is_open=True) for k in range(count)]


def all_outages(world: World) -> list[Outage]:
    """Return the open outages, then those of the last weeks."""
    now = open_outages(world)
    past = [
        Outage(
            len(now) + 1 + k,
            1 + (k * 7 + world.seed) % len(world.cabinets),
            "OLT" if k % 3 else "Cabinet",
            is_open=False,
        )
        for k in range(CLOSED)
    ]
    return now + past
