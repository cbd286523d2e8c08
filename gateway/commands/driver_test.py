"""`gateway driver-test`: the conformance suite for any driver and a running system, as a table and as sentences."""

import importlib
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from rich.console import Console

from connectors import DOMAINS
from connectors.conformance import Result, conform
from connectors.drivers import (
    Driver,
    MisplacedConfiguration,
    NoOptions,
    UnusableDriver,
    WrongConfiguration,
    driver_entry_points,
)
from connectors.errors import ConnectorError
from connectors.http.client import HttpClient
from connectors.http.connection import Connector
from connectors.http.health import Health
from connectors.records import Window
from connectors.settings import System
from connectors.strict import Strict
from gateway.commands.driver_test_table import show
from gateway.commands.hints import hint
from gateway.settings_file import WrongSettings, load_system

_KINDS: Final = sorted(
    {kind for one in DOMAINS.values() for kind in (*one.promises.kinds.values(), *one.promises.write_kinds)}
)


class WrongDriver(Exception):
    """The driver cannot be tested. The text says what is wrong with its name or setup, and what would be right."""


@dataclass(frozen=True, slots=True)
class TestedDriver:
    """The driver to test, its domain, and the name by which it was given on the command line.

    `section`: the system in the settings that answers for the domain, where it is another one.
    """

    name: str
    domain: str
    driver: Driver
    section: str = ""

    @property
    def system(self) -> str:
        """The name of the system in the settings."""
        return self.section or self.domain


def found(module: str, domain: str | None) -> TestedDriver:
    """The driver of this name: `package.module:Object`, or the name that settings use. Raises WrongDriver."""
    if domain is not None and domain not in DOMAINS:
        raise WrongDriver(f"--system {domain}: there is no such system; there are: {', '.join(DOMAINS)}.")
    if ":" in module:
        return _imported(module, domain)
    domains = [name for name, one in DOMAINS.items() if module in one.drivers or module in driver_entry_points(name)]
    if domain is None and len(domains) > 1:
        raise WrongDriver(f"{module}: a driver for {', '.join(domains)}; say which with --system, e.g. {domains[0]}.")
    if domain is None and not domains:
        known = sorted({name for one in DOMAINS.values() for name in [*one.drivers, *driver_entry_points(one.name)]})
        raise WrongDriver(
            f"{module}: no driver has this name; there are {', '.join(known)}. A driver that is not installed is named"
            " as package.module:ClassOrDriver."
        )
    chosen = domain or domains[0]
    try:
        return TestedDriver(module, chosen, DOMAINS[chosen].driver(module))
    except UnusableDriver as error:
        raise WrongDriver(f"{module}: systems.{chosen} {error}.") from error


def _imported(named: str, domain: str | None) -> TestedDriver:
    module, _, attribute = named.partition(":")
    try:
        thing: Any = importlib.import_module(module)
    except ImportError as error:
        raise WrongDriver(
            f"{named}: the module {module} cannot be imported ({error}); right is package.module:ClassOrDriver, with"
            " the package installed here or its folder in PYTHONPATH."
        ) from error
    for part in attribute.split("."):
        if not hasattr(thing, part):
            raise WrongDriver(f"{named}: {module} has no {part or 'name after the colon'}; {_offered(module)}.")
        thing = getattr(thing, part)
    if not isinstance(thing, Driver):
        if not inspect.isclass(thing):
            raise WrongDriver(f"{named} is {thing!r:.60}; right is a driver's class, or a connectors.Driver.")
        thing = Driver(thing, _options(thing))
    return TestedDriver(named, domain or _domain(named, thing), thing)


def _offered(module: str) -> str:
    things = vars(importlib.import_module(module))
    classes = [
        name
        for name, one in things.items()
        if isinstance(one, Driver) or (inspect.isclass(one) and one.__module__ == module and hasattr(one, "probe"))
    ]
    return f"there are {', '.join(classes)}" if classes else "it has no class with the methods of a port"


def _options(driver: type) -> type[Strict]:
    """The model of the driver's configuration: the annotation of its second parameter, or `NoOptions`."""
    try:
        parameters = list(inspect.signature(driver, eval_str=True).parameters.values())
    except (NameError, ValueError, TypeError):
        return NoOptions  # annotated with what exists for type checkers only, or not at all
    kind = parameters[1].annotation if len(parameters) > 1 else None
    return kind if inspect.isclass(kind) and issubclass(kind, Strict) else NoOptions


def _domain(named: str, driver: Driver) -> str:
    """The domain of whose port the driver has the most methods. Raises WrongDriver if it has none of any."""
    have = {
        name: sum(callable(getattr(driver.build, method.name, None)) for method in domain.promises.methods)
        for name, domain in DOMAINS.items()
    }
    best = max(have, key=lambda domain: have[domain])
    if not have[best]:
        example = next(iter(DOMAINS.values())).promises.methods[1].name
        raise WrongDriver(
            f"{named} has no method of any port (such as {example}); right is a class with all methods of one, or say"
            " which it should have with --system."
        )
    return best


@asynccontextmanager
async def building(tested: TestedDriver, system: System) -> AsyncIterator[Callable[[System], Any]]:
    """What makes the driver from a system's settings, over an HTTP session like the gateway's. Raises WrongDriver."""
    async with aiohttp.ClientSession(connector=Connector(), cookie_jar=aiohttp.DummyCookieJar()) as session:

        def build(one: System) -> Any:
            return tested.driver.connect(HttpClient(tested.system, one, session))

        try:
            _ = build(system)
        except (WrongConfiguration, MisplacedConfiguration) as error:
            raise WrongDriver(f"systems.{tested.system}: {error}") from error
        except TypeError as error:
            raise WrongDriver(
                f"{tested.name} cannot be set up: {error}; right is __init__(self, http: HttpClient, options), with"
                " options a connectors.strict.Strict (such as a Profile)."
            ) from error
        yield build


@asynccontextmanager
async def results_of(
    tested: TestedDriver,
    system: System,
    keys: Mapping[str, Sequence[str]],
    *,
    most: int,
    check_credentials: bool,
    only: Collection[str],
    healths: list[Health] | None = None,
) -> AsyncIterator[AsyncIterator[Result]]:
    """The suite's results as they come. Raises WrongDriver.

    `healths` gets that of the first driver, which sees the system as it is, and not what the suite makes of it.
    """
    healths = [] if healths is None else healths
    async with building(tested, system) as build:

        def watched(one: System) -> Any:
            driver = build(one)
            http = getattr(driver, "http", None)
            if not healths and isinstance(http, HttpClient):
                healths.append(http.health)
            return driver

        yield conform(
            tested.domain,
            DOMAINS[tested.domain].promises,
            watched,
            system,
            keys=keys,
            sample_size=most,
            check_credentials=check_credentials,
            only=only,
        )


async def with_customers(
    keys: Mapping[str, Sequence[str]], config: Path | None, domain: str, system: System, count: int, console: Console
) -> Mapping[str, Sequence[str]]:
    """The keys; where no customer is among them, with those of the CRM in `config`."""
    if "customer" in keys or config is None:
        return keys
    customers = await _customers(config, domain, system, count, console)
    return {**keys, "customer": customers} if customers else keys


async def _customers(config: Path, domain: str, system: System, count: int, console: Console) -> Sequence[str]:
    """Customer numbers from the CRM in the same settings; none if the tested system uses other keys for customers."""
    if domain == "crm" or system.customer_key != "customer.id":
        return ()
    try:
        crm = load_system(config, "crm")
    except WrongSettings:
        return ()  # The CRM is not what is tested, and its section may be missing.
    try:
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            driver = DOMAINS["crm"].driver(crm.driver).connect(HttpClient("crm", crm, session))
            rows = await driver.customer_list(Window(0, count), frozenset())
    except (ConnectorError, UnusableDriver, WrongConfiguration, MisplacedConfiguration) as error:
        console.print(f"No customers from the CRM in {config} ({error}): name some with --customer.")
        return ()
    customers = [one.id for one in rows.items][:count]
    console.print(f"Asking about customers of the CRM in {config}: {', '.join(customers[:5])} ...")
    return customers


def keys_given(customers: Sequence[str], others: Sequence[str]) -> dict[str, list[str]]:
    """Sample keys from the command line, by kind. Raises WrongDriver for a text that is not KIND=VALUE."""
    keys: dict[str, list[str]] = {"customer": list(customers)} if customers else {}
    for one in others:
        kind, equals, value = one.partition("=")
        if not equals or not value or kind not in _KINDS:
            raise WrongDriver(f"--key {one}: right is KIND=VALUE, with KIND one of {', '.join(_KINDS)}.")
        keys.setdefault(kind, []).append(value)
    return keys


def quiet() -> None:
    """Say nothing of the broken systems on loopback: they are no news."""
    logging.getLogger("gateway").addHandler(logging.NullHandler())


async def run(
    tested: TestedDriver,
    system: System,
    keys: Mapping[str, Sequence[str]],
    console: Console,
    config: Path | None = None,
    *,
    most: int = 5,
    check_credentials: bool = True,
    only: Collection[str] = (),
    reasons: bool = False,
) -> bool:
    """Test the driver and print the results, with a line of progress. Raises WrongDriver.

    Returns whether checks were made and none failed. Without customers in `keys`, the CRM of `config` gives some.
    """
    quiet()
    methods = [one.name for one in DOMAINS[tested.domain].promises.methods]
    if wrong := sorted(set(only) - set(methods)):
        raise WrongDriver(f"--method {wrong[0]}: not of the {tested.domain} port; there are {', '.join(methods)}.")
    keys = await with_customers(keys, config, tested.domain, system, 4 * most, console)
    results: list[Result] = []
    healths: list[Health] = []
    async with results_of(
        tested, system, keys, most=most, check_credentials=check_credentials, only=only, healths=healths
    ) as coming:
        with console.status("asking ...") as status:
            async for result in coming:
                results.append(result)
                status.update(f"{result.method}: {result.check} {result.mark}")
    show(
        f"{tested.name} ({tested.domain})",
        results,
        console,
        reasons=reasons,
        advise=lambda error: hint(error, tested.system, system, tested.driver.options),
    )
    answers = {result.mark for result in results if result.check == "answers" and result.method in methods}
    if answers == {"skipped"}:
        console.print(
            "No method of the port could be checked, and that is no success: name keys that have rows, with --customer"
            " and --key.",
            soft_wrap=True,
        )
    losses = [loss for one in healths for loss in one.losses]
    good = answers != {"skipped"} and not losses and all(result.mark != "failed" for result in results)
    for notice in [] if good else [notice for one in healths for notice in one.notices]:
        what = f"rows are missing: change systems.{tested.system} as this says" if notice in losses else "noticed"
        console.print(f"{what}: {notice}", soft_wrap=True, markup=False)
    return good
