"""Drivers of other distributions: the entry point group `opticom.drivers`, names such as `billing.acme`.

    [project.entry-points."opticom.drivers"]
    "billing.acme" = "acme_opticom:PRODUCT"

Names are read from the metadata of what is installed; code is loaded only when the settings name its driver.
"""

from collections import defaultdict
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

GROUP: Final = "opticom.drivers"


class UnusableDriver(ValueError):
    """A driver that the settings name is not there, or twice, or cannot be loaded; the text says what is right."""


def installed(domain: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """Entry points of one domain's drivers by the name that settings use; more than one is a clash."""
    found = defaultdict[str, list[EntryPoint]](list)
    for point in entry_points(group=GROUP):
        of, _, name = point.name.partition(".")
        if of == domain and name and point not in found[name]:
            found[name].append(point)
    return {name: tuple(sorted(points, key=lambda point: point.value)) for name, points in found.items()}


def loaded(point: EntryPoint) -> Any:
    """What the entry point names. Raises UnusableDriver with what went wrong inside."""
    try:
        return point.load()
    except Exception as error:  # a stranger's module may fail in any way
        what = f"{type(error).__name__}: {error}"
        raise UnusableDriver(f"the driver {described(point)} cannot be loaded: {what}") from error


def described(point: EntryPoint) -> str:
    """An entry point as a person finds it: its name, its object and the distribution that brings it."""
    brought_by = f" of the distribution {point.dist.name} {point.dist.version}" if point.dist else ""
    return f"'{point.name}' ({point.value}{brought_by})"
