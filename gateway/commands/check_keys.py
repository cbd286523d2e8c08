"""The part of `gateway check` that tries the keys of an issuer of tokens."""

import time

import aiohttp

from connectors.texts import without_credentials
from gateway.auth.discovery import Discovery, metadata_address
from gateway.auth.keys import TIMEOUT, TYPES, parse
from gateway.auth.tokens import USUAL_ALGORITHMS
from gateway.auth_settings import IssuerSettings
from gateway.commands.check_network import tried
from gateway.commands.findings import Finding


async def of_issuer(place: str, issuer: IssuerSettings, session: aiohttp.ClientSession) -> Finding:
    """One line of the table: whether the issuer's keys can be read, and one of them is for an algorithm believed here.

    `place` is where the issuer stands in the settings.
    """
    number = place.rpartition("auth.issuers.")[2] if place != "auth" else ""
    name, key, driver, address = f"keys {number}".strip(), "issuer", "discovery", metadata_address(issuer.issuer)
    if not issuer.is_asked:
        key, driver = ("jwks_url", "JWKS") if issuer.jwks_url else ("jwks_file", "JWKS file")
        address = issuer.jwks_url or str(issuer.jwks_file)
    address, key = without_credentials(address), f"{place}.{key}"
    notices: tuple[str, ...] = ()
    if not issuer.jwks_file:
        way = await tried(issuer.jwks_url or issuer.issuer, issuer.network, f"{place}.network", TIMEOUT)
        if way.problem and way.hint:
            hint = f"Nobody could sign in. {way.hint}"
            return Finding(name, driver, address, "FAILED", detail=way.problem, hint=hint)
        notices = way.notices
    load, started = issuer.load_keys(session), time.monotonic()
    try:
        body = await load()
    except (OSError, aiohttp.ClientError, TimeoutError) as error:
        hint = f"Nobody could sign in: check {key}{f', or set {place}.jwks_url' if issuer.is_asked else ''}."
        return Finding(name, driver, address, "FAILED", detail=str(error) or "no answer in time", hint=hint)
    except ValueError as error:  # of discovery
        hint = f"Nobody could sign in: {key} must be what the issuer calls itself, letter by letter."
        return Finding(name, driver, address, "ok", "-", "FAILED", None, str(error), hint)
    latency = (time.monotonic() - started) * 1000
    try:
        keys = parse(body)
    except ValueError as error:
        hint = f"What {key} names must be a JSON Web Key Set with public keys."
        return Finding(name, driver, address, "ok", "-", "FAILED", latency, str(error), hint)
    named = load.algorithms if isinstance(load, Discovery) else None
    believed = issuer.rules.algorithms or named or USUAL_ALGORITHMS
    usable = [name for name in TYPES if any(key.fits(name) for key in keys)]
    if not set(usable) & set(believed):
        found = ", ".join(usable)
        hint = f"Nobody could sign in: none of the keys is for {place}.algorithms = {', '.join(believed)}."
        return Finding(name, driver, address, "ok", "-", "FAILED", latency, f"keys for: {found}", hint)
    return Finding(name, driver, address, "ok", "-", "ok", latency, notices=notices)
