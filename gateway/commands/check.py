"""`gateway check`: tries everything that the settings name, and says what a person can do about what is wrong."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import aiohttp

from connectors import DOMAINS, ConnectedSystem, Connectors, Domain, connect
from connectors.crm.port import Customer
from connectors.errors import ConnectorError, Garbled, Refused, Rejected, TooMuch
from connectors.links import CustomerKey
from connectors.records import Window
from connectors.settings import ForwardAuth, System, TokenEndpointAuth, TokenExchangeAuth
from connectors.texts import without_credentials
from gateway.auth_settings import NEEDED
from gateway.commands.check_callers import (
    ANSWERS_ANYBODY,
    EXCHANGES_ANYTHING,
    PROVES_NOTHING,
    WANTS_A_CALLER,
    refused_exchange,
)
from gateway.commands.check_collector import collected
from gateway.commands.check_customers import by_customer
from gateway.commands.check_documents import checked_documents
from gateway.commands.check_keys import of_issuer
from gateway.commands.check_network import tried
from gateway.commands.check_redis import shared_redis
from gateway.commands.check_writes import unwritable, write_methods, written
from gateway.commands.findings import Finding, Mark
from gateway.commands.hints import hint, what_it_says
from gateway.settings import Settings
from resolvers.links import key_value

_FEW: Final = 20
"""Customers of the CRM that are looked at for what other systems know them by."""


NO_AUTH: Final = Finding(
    "auth",
    "-",
    "-",
    read="FAILED",
    detail="missing: 'gateway serve' does not start without it, because it could check no token",
    hint=f"Set {NEEDED}, in [auth] (see docs/identity.md).",
)
"""The line for settings that `gateway serve` refuses."""


async def check(settings: Settings, *, is_demo: bool = False, customers: Sequence[str] = ()) -> list[Finding]:
    """Try the systems, customer keys, key sets, Redis, the collector and what keeps writes, at once, as far as named.

    The systems are asked about `customers`, by the CRM's numbers, or about some that the CRM lists. Settings without
    `[auth]` are a failure too, except the demo's, which brings its own keys. Documents of manifests are looked at last.
    """
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        systems = settings.systems.by_domain
        connectors = connect(systems, session)
        tries = [_system(one, systems[one.domain], session) for one in connectors.systems]
        if settings.auth:
            tries += [of_issuer(place, one, session) for place, one in settings.auth.by_place()]
        if settings.shared_url:
            tries.append(shared_redis(settings, settings.shared_url))
        if settings.telemetry.sends_metrics or settings.telemetry.sends_traces:
            tries.append(collected(settings.telemetry, session))
        *findings, writes = await asyncio.gather(*tries, written(settings, connectors.systems))
        findings = [_timed(one, settings) for one in findings]
        findings = await by_customer(connectors, systems, findings, customers)
        findings += await _customer_keys(connectors, findings)
        findings += [
            _not_configured(one) for one in DOMAINS.values() if one.part_of is None and one.name not in systems
        ]
    findings += [writes, *checked_documents(settings)]
    return findings if settings.auth or is_demo else [*findings, NO_AUTH]


async def _system(connected: ConnectedSystem, system: System, session: aiohttp.ClientSession) -> Finding:
    name, address = connected.name, without_credentials(system.url)
    way = await tried(system.url, system.network, f"systems.{name}.network", system.connect_timeout)
    if way.problem:
        firewall = f"Is it running, and is systems.{name}.url right? If so, a firewall may be in between."
        return Finding(name, system.driver, address, "FAILED", detail=way.problem, hint=way.hint or firewall)
    notices, auth = way.notices, system.auth
    if isinstance(auth, TokenEndpointAuth):
        inherited = auth.network is None
        network, where = (system.network, "") if auth.network is None else (auth.network, ".auth")
        way = await tried(auth.token_url, network, f"systems.{name}{where}.network", system.timeout)
        notices = (*notices, *(f"its token endpoint: {one}" for one in way.notices))
        if way.problem and (way.hint or system.is_personal):  # else the probe says it
            advice = way.hint or f"Check token_url in systems.{name}.auth."
            if way.hint and inherited:
                advice += f" Where the token endpoint is reached in another way, set systems.{name}.auth.network."
            detail = f"the token endpoint: {way.problem}"
            return Finding(name, system.driver, address, "ok", "FAILED", "-", None, detail, advice, notices=notices)
    options = DOMAINS[name].driver(system.driver).options
    credentials: Mark = "-" if auth is None or isinstance(auth, ForwardAuth) else "ok"
    unproved = advice = ""
    if isinstance(auth, TokenExchangeAuth):
        failure = await refused_exchange(name, system, auth, session)
        if failure is None:
            notices = (*notices, EXCHANGES_ANYTHING)
        elif isinstance(failure, Refused) and failure.of_caller:
            credentials, unproved, advice = "?", failure.detail, PROVES_NOTHING
        else:
            told = (failure.detail, hint(failure, name, system, options))
            return Finding(name, system.driver, address, "ok", "FAILED", "-", None, *told, notices=notices)
    started = time.monotonic()
    try:
        await connected.try_read()
    except ConnectorError as error:
        if system.is_personal and isinstance(error, Refused):
            return Finding(
                *(name, system.driver, address, "ok", credentials, "?", None, error.detail, WANTS_A_CALLER),
                notices=notices,
            )
        credentials, read = _marks(error, system)
        advice = hint(error, name, system, options)
        detail = f"{error.detail}. {what_it_says(error)}" if error.said else error.detail
        return Finding(name, system.driver, address, "ok", credentials, read, None, detail, advice, notices=notices)
    latency = (time.monotonic() - started) * 1000
    if system.is_personal:
        notices = (*notices, ANSWERS_ANYBODY)
    unsupported = {what: why for what, why in connected.unsupported.items() if what not in write_methods(name)}
    return Finding(
        *(name, system.driver, address, "ok", credentials, "ok", latency, unproved, advice),
        unsupported=unsupported,
        unwritable=unwritable(connected),
        notices=notices,
    )


def _timed(finding: Finding, settings: Settings) -> Finding:
    """A system's finding with those of its times that no request ever reaches, as `graphql.deadline` comes first."""
    system, deadline = settings.systems.by_domain.get(finding.name), settings.graphql.deadline
    notices: list[str] = []
    if system is not None and system.policy.slow is not None and system.policy.slow >= deadline:
        notices.append(
            f"a call counts as slow from policy.slow = {system.policy.slow:g} s on, and graphql.deadline ="
            f" {deadline:g} s ends it before: while the system hangs, it is never left in peace. Set policy.slow"
            " to less, or leave it out"
        )
    if system is not None and system.timeout > deadline:
        notices.append(
            f"timeout = {system.timeout:g} s is more than graphql.deadline = {deadline:g} s, which ends a request's"
            " calls before"
        )
    return replace(finding, notices=(*finding.notices, *notices)) if notices else finding


def _not_configured(domain: Domain) -> Finding:
    note = f"not configured: what is asked of the {domain.label} is null, with the code NOT_CONFIGURED"
    return Finding(domain.name, "-", "-", note=note)


async def _customer_keys(connectors: Connectors, findings: Sequence[Finding]) -> list[Finding]:
    """One line for each system that knows customers by something else than the CRM's number."""
    keys = {one.domain: key for one in connectors.systems if (key := connectors.links[one.domain].customer_key)}
    if not keys:
        return []
    crm = next(one for one in findings if one.name == "crm")
    if crm.read != "ok":
        note = "not tried, because the CRM was not read"
        return [Finding(f"{domain} key", crm.driver, str(key), note=note) for domain, key in keys.items()]
    try:
        fields = frozenset().union(*(key.attributes for key in keys.values()))
        customers = (await connectors.crm.customer_list(Window(0, _FEW), fields)).items[:_FEW]
    except ConnectorError as error:
        why, hint = f"{error.code}: {error.detail}", "The CRM must list customers for it to be tried."
        return [
            Finding(f"{domain} key", crm.driver, str(key), read="FAILED", detail=why, hint=hint)
            for domain, key in keys.items()
        ]
    return [await _customer_key(connectors, domain, crm.driver, key, customers) for domain, key in keys.items()]


async def _customer_key(
    connectors: Connectors, domain: str, driver: str, key: CustomerKey, customers: Sequence[Customer]
) -> Finding:
    """Whether the CRM's customers have this key, and whether the CRM finds one of them by it.

    The domain's rows name their customers by it.
    """
    name, address, setting = f"{domain} key", str(key), f"systems.{domain}.customer_key"
    having = [one for one in customers if key_value(one, key)]
    if not having:
        there_are = sorted({f"external:{name}" for one in customers for name in one.external_ids})
        detail = f"none of the CRM's first {len(customers)} customers has {key}, by which {domain} knows customers"
        hint = f"Set {setting} to what they have{': ' + ', '.join(there_are) if there_are else ''}."
        return Finding(name, driver, address, read="FAILED", detail=detail, hint=hint)
    value, started = str(key_value(having[0], key)), time.monotonic()
    try:
        found = (await connectors.crm.customers_known_as(key, [value], key.attributes)).get(value)
    except ConnectorError as error:
        found = error
    latency = (time.monotonic() - started) * 1000
    if isinstance(found, ConnectorError):
        hint = f"What {domain} has cannot be told whose it is: set {setting} to something that the CRM can look up."
        return Finding(name, driver, address, "ok", "-", "FAILED", None, f"{found.code}: {found.detail}", hint)
    if found is None or having[0].id not in {one.id for one in found.items}:
        detail = f"the CRM says that customer {having[0].id} has it, and does not find that customer by it"
        hint = f"Set {setting} to something that it can look up."
        return Finding(name, driver, address, "ok", "-", "FAILED", None, detail, hint)
    note = f"{len(having)} of the CRM's first {len(customers)} customers have {key}"
    return Finding(name, driver, address, "ok", "-", "ok", latency, note=note)


def _marks(error: ConnectorError, system: System) -> tuple[Mark, Mark]:
    """The marks for credentials and read. Credentials count as not tried if the failure came before their check."""
    if isinstance(error, Refused) or error.signing_in:
        return "FAILED", "-"
    judged = system.auth is not None and isinstance(error, Rejected | Garbled | TooMuch)
    return ("ok" if judged else "-"), "FAILED"
