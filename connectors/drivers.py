"""Drivers: the gateway's own, and those of other installed distributions.

A distribution announces its driver by an entry point of the group `opticom.drivers`, named `<domain>.<driver>`:

    [project.entry-points."opticom.drivers"]
    "billing.acme" = "acme_opticom:DRIVER"

The names are read from the distributions' metadata; a driver's code is loaded only if the settings name it.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from connectors.http.client import HttpClient
from connectors.settings import System
from connectors.strict import Strict

GROUP: Final = "opticom.drivers"


class UnusableDriver(ValueError):
    """A driver in the settings does not exist, exists twice, or cannot be loaded. The message says what to do."""


class WrongConfiguration(ValueError):
    """A driver's section of the settings is invalid; the message names each wrong key.

    `section` is the section's name, `model` its model, and `errors` are pydantic's.
    """

    def __init__(self, section: str, model: type[Strict], errors: Sequence[ErrorDetails]) -> None:
        self.section, self.model, self.errors = section, model, errors
        super().__init__("; ".join(f"{'.'.join(map(str, (section, *one['loc'])))}: {one['msg']}" for one in errors))


class MisplacedConfiguration(ValueError):
    """A driver is configured in the wrong section (`options` or `profile`); the message names the right one."""


class NoOptions(Strict):
    """The options of a driver that has none."""


@dataclass(frozen=True, slots=True)
class Driver:
    """How to set up the driver for one product.

    `build` makes the driver from an `HttpClient` and the driver's configuration, whose model is `options`. Operators
    write the configuration in the system's section of the settings, under `options` (TM Forum drivers: `profile`).
    """

    build: Callable[[HttpClient, Any], Any]
    options: type[Strict] = NoOptions

    def configuration(self, system: System) -> Strict:
        """The driver's configuration in the settings. Raises `WrongConfiguration` or `MisplacedConfiguration`."""
        own = self.options.section
        other = "profile" if own == "options" else "options"
        if other in system.model_fields_set and getattr(system, other) != {}:
            raise MisplacedConfiguration(f"{other}: the driver '{system.driver}' has none; it is configured in {own}")
        try:
            return self.options.model_validate(getattr(system, own))
        except ValidationError as error:
            raise WrongConfiguration(own, self.options, error.errors(include_url=False, include_input=False)) from error

    def connect(self, http: HttpClient) -> Any:
        """A driver for the client's system. Raises as `configuration` does."""
        return self.build(http, self.configuration(http.system))


def find_driver(domain: str, built_in: Mapping[str, Driver], name: str) -> Driver:
    """The domain's driver with this name: built in or installed.

    Raises `UnusableDriver` if there is none, if there are several, or if the entry point is not a `Driver`.
    """
    others = driver_entry_points(domain)
    points = others.get(name, ())
    if name in built_in and points:
        raise UnusableDriver(
            f"two drivers are named '{name}': the one that comes with the gateway, and {describe(points[0])};"
            " uninstall that, or have it renamed"
        )
    if name in built_in:
        return built_in[name]
    if len(points) > 1:
        both = " and ".join(describe(point) for point in points)
        raise UnusableDriver(f"two drivers are named '{name}': {both}; uninstall one of them")
    if not points:
        there_are = ", ".join([*built_in, *(f"{one} (installed)" for one in sorted(others))])
        raise UnusableDriver(f"has no driver named '{name}'; there is: {there_are}")
    found = _load(points[0])
    if not isinstance(found, Driver):
        raise UnusableDriver(
            f"the driver {describe(points[0])} is {found!r:.80}; right is a connectors.Driver(build, options)"
        )
    return found


@cache
def installed_drivers() -> tuple[EntryPoint, ...]:
    """Entry points of all installed drivers. Every distribution's metadata is read for them: once in a process."""
    return tuple(entry_points(group=GROUP))


def driver_entry_points(domain: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """Entry points of the domain's installed drivers, by the name used in settings. More than one is a conflict."""
    found = defaultdict[str, list[EntryPoint]](list)
    for point in installed_drivers():
        driver_domain, _, name = point.name.partition(".")
        if driver_domain == domain and name and point not in found[name]:
            found[name].append(point)
    return {name: tuple(sorted(points, key=lambda point: point.value)) for name, points in found.items()}


def _load(point: EntryPoint) -> Any:
    """The entry point's object. Raises `UnusableDriver` with the cause."""
    try:
        return point.load()
    except Exception as error:  # other people's modules may fail in any way
        what = f"{type(error).__name__}: {error}"
        raise UnusableDriver(f"the driver {describe(point)} cannot be loaded: {what}") from error


def describe(point: EntryPoint) -> str:
    """An entry point in words: its name, its object and its distribution."""
    distribution = f" of the distribution {point.dist.name} {point.dist.version}" if point.dist else ""
    return f"'{point.name}' ({point.value}{distribution})"
