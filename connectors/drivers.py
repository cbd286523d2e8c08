"""Drivers: the entry of one product, and those that other distributions bring.

Entry points of the group `opticom.drivers`, with names such as `billing.acme`, announce drivers of other distributions:

    [project.entry-points."opticom.drivers"]
    "billing.acme" = "acme_opticom:DRIVER"

Names are read from the metadata of what is installed; code is loaded only when the settings name its driver.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from connectors.http.client import HttpClient
from connectors.settings import System
from connectors.strict import Strict

GROUP: Final = "opticom.drivers"


class UnusableDriver(ValueError):
    """A driver that the settings name is not there, or twice, or cannot be loaded; the text says what is right."""


class WrongConfiguration(ValueError):
    """A driver's section of the settings does not fit it; the text names each wrong key.

    `section` is the section's name, `model` what it must be, and `errors` what is wrong in it, as pydantic tells it.
    """

    def __init__(self, section: str, model: type[Strict], errors: Sequence[ErrorDetails]) -> None:
        self.section, self.model, self.errors = section, model, errors
        super().__init__("; ".join(f"{'.'.join(map(str, (section, *one['loc'])))}: {one['msg']}" for one in errors))


class MisplacedConfiguration(ValueError):
    """A driver is configured in a section that is another kind of driver's; the text names the right one."""


class NoOptions(Strict):
    """For a driver that has nothing to be configured."""


@dataclass(frozen=True, slots=True)
class Driver:
    """One product that can stand behind a port.

    `build` makes the driver of a conversation with its system and of its configuration. `options` is the model of that
    configuration. Operators write it in the system's section of the settings: as `options`, or as `profile` for the
    drivers of the TM Forum standard.
    """

    build: Callable[[HttpClient, Any], Any]
    options: type[Strict] = NoOptions

    def configuration(self, system: System) -> Strict:
        """What the settings say to the driver. Raises `WrongConfiguration` or `MisplacedConfiguration`."""
        own = self.options.section
        other = "profile" if own == "options" else "options"
        if other in system.model_fields_set and getattr(system, other) != {}:
            raise MisplacedConfiguration(
                f"{other}: the driver '{system.driver}' has none; what it can be told is in {own}"
            )
        try:
            return self.options.model_validate(getattr(system, own))
        except ValidationError as error:
            raise WrongConfiguration(own, self.options, error.errors(include_url=False, include_input=False)) from error

    def connect(self, http: HttpClient) -> Any:
        """The driver, set up as the settings of its system say. Raises as `configuration` does."""
        return self.build(http, self.configuration(http.system))


def find_driver(domain: str, built_in: Mapping[str, Driver], name: str) -> Driver:
    """The driver of a domain that the settings call `name`: one of ours, or one that is installed.

    Raises `UnusableDriver` for a name that is nobody's, more than one's, or not a `Driver`.
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


def driver_entry_points(domain: str) -> Mapping[str, tuple[EntryPoint, ...]]:
    """Entry points of one domain's drivers by the name that settings use; more than one is a clash."""
    found = defaultdict[str, list[EntryPoint]](list)
    for point in entry_points(group=GROUP):
        of, _, name = point.name.partition(".")
        if of == domain and name and point not in found[name]:
            found[name].append(point)
    return {name: tuple(sorted(points, key=lambda point: point.value)) for name, points in found.items()}


def _load(point: EntryPoint) -> Any:
    """What the entry point names. Raises `UnusableDriver` with what went wrong inside."""
    try:
        return point.load()
    except Exception as error:  # a stranger's module may fail in any way
        what = f"{type(error).__name__}: {error}"
        raise UnusableDriver(f"the driver {describe(point)} cannot be loaded: {what}") from error


def describe(point: EntryPoint) -> str:
    """An entry point as a person finds it: its name, its object and the distribution that brings it."""
    brought_by = f" of the distribution {point.dist.name} {point.dist.version}" if point.dist else ""
    return f"'{point.name}' ({point.value}{brought_by})"
