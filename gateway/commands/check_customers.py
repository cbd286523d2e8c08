"""Whether the systems answer questions about customers, as portals will ask them: with real customers and whole pages.

A setting that is a little wrong often fails nothing and finds nothing. What came and is left out is noticed here.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from connectors import DOMAINS, ConnectedSystem, Connectors
from connectors.conformance.promises import Keyed
from connectors.crm.port import Customer
from connectors.errors import ConnectorError, NotSupported
from connectors.http.health import Health
from connectors.links import CustomerKey
from connectors.records import Rows, Window
from connectors.settings import System
from gateway.commands.findings import Finding
from gateway.commands.hints import hint, what_it_says
from resolvers.links import key_value

FEW: Final = 20
"""Customers of the CRM that are asked about, where the caller names none."""
_ALONE: Final = 3
"""Customers without rows in the answer for all that are asked for once more, alone."""


async def by_customer(
    connectors: Connectors, systems: Mapping[str, System], findings: Sequence[Finding], named: Sequence[str]
) -> list[Finding]:
    """The findings, each with what came of questions about customers: those `named`, or some of the CRM's.

    A system that needs attention already, or answers only callers, is asked nothing more.
    """
    connected = {one.name: one for one in connectors.systems}
    good = [one for one in findings if one.name in connected and one.read == "ok"]
    crm = next((one for one in good if one.name == "crm"), None)
    if crm is None:
        return [_told(one, connected) for one in findings]
    keys = frozenset[str]().union(
        *(links.customer_key.attributes for links in connectors.links.values() if links.customer_key)
    )
    try:
        customers = await _customers(connectors, named, keys)
    except ConnectorError as error:
        note = f"no customer to ask about ({error.code}): name one with --customer"
        return [_told(replace(one, note=note) if one is crm else one, connected) for one in findings]
    if missing := [one for one in named if one not in {customer.id for customer in customers}]:
        detail, what = f"the CRM has no customer {', '.join(missing)}", "Name one that it has with --customer."
        crm_wrong = replace(crm, read="FAILED", detail=detail, hint=what)
        return [_told(crm_wrong if one is crm else one, connected) for one in findings]
    asking = [_asked(one, connected[one.name], connectors, systems[one.name], customers) for one in good]
    asked = dict(zip([one.name for one in good], await asyncio.gather(*asking), strict=True))
    return [_told(asked.get(one.name, one), connected) for one in findings]


def _told(finding: Finding, connected: Mapping[str, ConnectedSystem]) -> Finding:
    """The finding, with what was noticed about the system's answers."""
    if finding.name not in connected:
        return finding
    return replace(finding, notices=(*finding.notices, *_health(connected[finding.name]).notices))


async def _customers(connectors: Connectors, named: Sequence[str], fields: frozenset[str]) -> list[Customer]:
    if not named:
        return list((await connectors.crm.customer_list(Window(0, FEW), fields)).items[:FEW])
    found = await connectors.crm.customers(named, fields)
    if failure := next((one for one in found.values() if isinstance(one, ConnectorError)), None):
        raise failure
    return [one for one in found.values() if isinstance(one, Customer)]


async def _asked(
    finding: Finding,
    connected: ConnectedSystem,
    connectors: Connectors,
    system: System,
    customers: Sequence[Customer],
) -> Finding:
    key = connectors.links[connected.domain].customer_key
    keys = [value for one in customers if (value := _key_of(one, key)) is not None]
    if not keys:
        return replace(finding, note="not asked about customers, as none is known: name one with --customer")
    methods = [
        (driver, one)
        for domain, driver in connected.drivers.items()
        for one in DOMAINS[domain].promises.methods
        if isinstance(one, Keyed) and one.kind == "customer" and one.name not in connected.unsupported
    ]
    if not methods:
        return finding  # it knows nothing of customers, such as monitoring
    counts: dict[str, int] = {}
    for driver, method in methods:
        try:
            counts[method.name], wrong = await _ask(connected, driver, method, keys)
        except NotSupported:
            continue
        except ConnectorError as error:
            detail = f"{method.name} about {len(keys)} customers: {error.detail}"
            said = f"{detail}. {what_it_says(error)}" if error.said else detail
            options = DOMAINS[connected.domain].driver(system.driver).options
            return replace(finding, read="FAILED", detail=said, hint=hint(error, connected.name, system, options))
        if wrong:
            return replace(finding, read="FAILED", detail=wrong[0], hint=wrong[1])
    told = ", ".join(f"{count} from {name}" for name, count in counts.items())
    finding = replace(finding, note=f"asked about {len(keys)} customers: {told}")
    if nothing := [name for name, count in counts.items() if not count]:
        what = f"none of the {len(keys)} customers asked about has anything: {', '.join(nothing)}"
        return replace(finding, read="?", detail=what, hint=_if_some_have(connected, system))
    return finding


_WHOSE: Final = (
    *("party_types", "party_roles", "parameters", "quoted"),
    *("customer_number", "customer_field", "customer"),
)
"""Options that say whose a row is, or how it is asked for."""


def _if_some_have(connected: ConnectedSystem, system: System) -> str:
    """What to look at where a system has nothing of any customer, which may be so."""
    options = DOMAINS[connected.domain].driver(system.driver).options
    known = [f"{options.section}.{name}" for name in _WHOSE if name in options.model_fields]
    settings = ", ".join([*(["customer_key"] if connected.domain != "crm" else []), *known])
    return (
        "If some should have, name one with --customer; then what is wrong is what the system calls a customer: see"
        f" systems.{connected.name}: {settings}."
    )


def _key_of(customer: Customer, key: CustomerKey | None) -> str | None:
    return customer.id if key is None else key_value(customer, key)


async def _ask(
    connected: ConnectedSystem, driver: Any, method: Keyed, keys: Sequence[str]
) -> tuple[int, tuple[str, str] | None]:
    """How many rows a question finds, and what is wrong with the answer: what exactly, and what to do."""
    losses = set(_health(connected).losses)
    found = await _found(driver, method, keys)
    count = sum(len(rows.items) if isinstance(rows, Rows) else 1 for rows in found.values())
    if lost := [one for one in _health(connected).losses if one not in losses]:
        return count, (lost[0], f"Change systems.{connected.name}.profile as it says.")
    if unread := max((rows.unread for rows in found.values() if isinstance(rows, Rows)), default=0):
        what = f"{method.name}: {unread} of the rows that came cannot be read, because of their id or owner"
        return count, (what, "What of them is odd is below; answers lack them, and say so.")
    for alone in [key for key in keys if not _has_rows(found.get(key))][:_ALONE] if method.many else ():
        if len(keys) > 1 and _has_rows((await _found(driver, method, [alone])).get(alone)):
            what = f"{method.name} finds rows of customer {alone} alone, and none of the same in a question about more"
            return count, (what, _SHORT.format(name=connected.name))
    return count, None


_SHORT: Final = (
    "Its answers for many are cut short: set systems.{name}.profile.total_trusted = false, page_size to what it sends"
    " at most, or id_list = 'none' if it takes one value only."
)


def _has_rows(one: Any) -> bool:
    return isinstance(one, Rows) and bool(one.items)


async def _found(driver: Any, method: Keyed, keys: Sequence[str]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = await method.ask(driver, keys, None, None)
    if failure := next((one for one in found.values() if isinstance(one, ConnectorError)), None):
        raise failure
    return found


def _health(connected: ConnectedSystem) -> Health:
    return connected.probe.http.health
