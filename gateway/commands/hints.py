"""What a person can do about a failure: the setting that is likely at fault, by its name."""

import re
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from connectors.errors import (
    ConnectorError,
    Garbled,
    RateLimited,
    Refused,
    Rejected,
    TimedOut,
    TooMuch,
    Unreachable,
)
from connectors.http.transport import LEADS
from connectors.network import NetworkSettings
from connectors.settings import SessionAuth, System, TokenEndpointAuth
from connectors.strict import Strict
from gateway.commands.check_network import of_alert

_ASKED_BY: Final = {
    "limit": "page_size",
    "s": "page_size",
    "per_page": "page_size",
    "offset": "paging",
    "sort": "sort",
    "fields": "fields",
}
"""The setting that decides about a parameter of a request."""

_SAID: Final = (
    (
        "page_size",
        re.compile(r"limit|page.?size|per.?page|too many (?:rows|results|items)", re.I),
    ),
    ("max_url", re.compile(r"ur[il] too (?:long|large)|request.?line", re.I)),
    ("paging", re.compile(r"\boffset|\bpages?\b", re.I)),
    ("sort", re.compile(r"\bsort|order.?by", re.I)),
    ("fields", re.compile(r"\bfields?=|\bfields\b|projection", re.I)),
    ("regex", re.compile(r"\.regex|\bregex|regular expression|wildcard", re.I)),
    ("operators", re.compile(r"\.[gl]te?\b|operator", re.I)),
    ("id_list", re.compile(r"comma|list of (?:values|ids)|multiple values|invalid uuid|uuid", re.I)),
    ("filters", re.compile(r"filter|query|parameter|criteria|attribute|unknown|unsupported|not supported", re.I)),
)
"""Words of an answer, and the setting that they are likely about; the most certain first."""

_ADVICE: Final = {
    "page_size": "lower {0}",
    "max_url": "lower {0}",
    "paging": "set {0}",
    "sort": "set {0} = false",
    "fields": "set {0} = false",
    "regex": "set {0} = false",
    "operators": "set {0} = false",
    "id_list": 'set {0} (to "none", if it takes one value)',
    "filters": "name in {0} what it understands",
    "parameters": "say in {0} what it calls a filter",
}


_ABOUT_THE_QUESTION: Final = (400, 413, 414, 416, 422, 431)
"""Statuses by which a part of the question is refused. Others are about the address, or who asks."""

_NOT_ALLOWED: Final = ("(unauthorized_client)", "(unsupported_grant_type)")
"""Codes (RFC 6749, 5.2) by which a client is known, and may not have a token in this way."""


def hint(error: ConnectorError, domain: str, system: System, options: type[Strict]) -> str:
    """One or two sentences: what is likely wrong, and the setting to change. Only settings that there are are named."""
    if error.signing_in:
        return _signing_in(error, domain, system)
    text = error.said if isinstance(error, Rejected) else error.detail if isinstance(error, Unreachable) else ""
    if advice := of_alert(text, system.network, f"systems.{domain}.network"):
        return advice
    match error:
        case Refused() if system.auth is None:
            return f"It asks for credentials: set systems.{domain}.auth."
        case Refused():
            return f"It does not accept these credentials: check systems.{domain}.auth, and what they may read there."
        case TimedOut(status=408):
            return f"It gave up waiting (408): lower systems.{domain}.concurrency, or look into its log."
        case TimedOut():
            return f"It accepts connections but does not answer within systems.{domain}.timeout = {system.timeout:g} s."
        case Unreachable() if "the proxy answered" in error.detail:
            return f"The proxy does not let it through: check user name and password in systems.{domain}.network.proxy."
        case Unreachable() if system.url.startswith("https:"):
            return _hangs_up_on_tls(domain, system.network)
        case Unreachable():
            return f"It hangs up. Does systems.{domain}.url have the right scheme (http, https) and port?"
        case RateLimited():
            return f"It limits requests: lower systems.{domain}.concurrency, or ask for a larger allowance."
        case Rejected():
            return _rejected(error, domain, options)
        case Garbled() if " set " in error.detail:  # which names the setting
            return f"Change systems.{domain}.{options.section} as it says."
        case Garbled():
            return f"Something else answers there (a login page, another API?): check systems.{domain}.url."
        case TooMuch():
            paging = _named("paging", domain, options)
            ignores = f"It ignores paging: see {paging}, or raise" if paging else "It has more than is read: raise"
            return f"{ignores} systems.{domain}.max_rows, max_calls or max_bytes."
        case _:
            return "It is running but broken: look into its own log."


def what_it_says(error: ConnectorError) -> str:
    """The beginning of the system's own answer, in a sentence; empty where it said nothing."""
    return f'It says: "{error.said}"' if error.said else ""


def _signing_in(error: ConnectorError, domain: str, system: System) -> str:
    where = f"systems.{domain}.auth"
    login = isinstance(system.auth, SessionAuth)
    settings = "login_path, verify_path, username and password" if login else "token_url, client_id, client_secret"
    if isinstance(system.auth, TokenEndpointAuth) and system.auth.client_auth == "private_key_jwt":
        settings = "token_url, client_id, private_key_file, key_id, algorithm, assertion_audience"
    more = "" if login else " and scope"
    if error.retryable and error.status is not None:
        what = "login" if login else "token endpoint"
        return f"Its {what} is busy or broken, whatever the credentials: look into its log, and try again."
    if any(code in error.detail for code in _NOT_ALLOWED):
        return "The provider must let this client do that (for token exchange in Keycloak: Standard token exchange)."
    return f"Check {settings}{more} in {where}."


def _hangs_up_on_tls(domain: str, network: NetworkSettings) -> str:
    """By TLS 1.3 a server judges the client's certificate when the handshake is done, and some say nothing about it."""
    where = f"systems.{domain}.network"
    if network.certificate_file is None:
        return (
            "It hangs up after the TLS handshake. If it wants a certificate of the gateway (mTLS), set"
            f" {where}.certificate_file and key_file; else look into its log."
        )
    return (
        f"It hangs up after the TLS handshake. It may not take the gateway's certificate in {network.certificate_file}:"
        f" is it for clients, and signed by an authority that it knows ({where}.certificate_file)? Else look into its"
        " log."
    )


def _rejected(error: ConnectorError, domain: str, options: type[Strict]) -> str:
    if LEADS in error.detail:
        paths = _named("paths", domain, options)
        return f"The API is at another address: check systems.{domain}.url{f', and {paths}' if paths else ''}."
    if error.status not in _ABOUT_THE_QUESTION:
        return _elsewhere(domain, options)
    query = parse_qsl(urlsplit(error.asked).query, keep_blank_values=True)
    asked = list(dict.fromkeys(_ASKED_BY.get(name, _by_name(name)) for name, _ in query))
    if any("," in value for name, value in query if name not in ("fields", "sort", "f", "o")):
        asked.append("id_list")
    likely = [name for name, words in _SAID if words.search(error.said) and (not asked or name in asked)]
    if error.status in (413, 414, 431):
        likely = ["max_url"]
    known = [name for name in likely if _named(name, domain, options)]
    if known:
        return f"The likely setting: {_advised(known[:2], domain, options)}."
    possible = [name for name in asked if _named(name, domain, options)]
    if possible:
        return f"It refuses a part of the question. Try one after the other: {_advised(possible, domain, options)}."
    return _elsewhere(domain, options)


def _by_name(parameter: str) -> str:
    operator = parameter.rpartition(".")[2]
    return "regex" if operator == "regex" else "operators" if operator in ("gt", "gte", "lt", "lte") else "filters"


def _elsewhere(domain: str, options: type[Strict]) -> str:
    if options.section == "profile":
        return (
            f"Its paths or parameters differ from the standard: see systems.{domain}.profile (version, paths; exists ="
            " false for an API that it does not have; empty_is_404 = true if only what is empty is answered so)."
        )
    names = [name for name in ("database", "version") if name in options.model_fields]
    more = f", and systems.{domain}.options.{names[0]}" if names else ""
    return f"It is not what the driver expects there: check systems.{domain}.url{more}."


def _named(name: str, domain: str, options: type[Strict]) -> str:
    return f"systems.{domain}.{options.section}.{name}" if name in options.model_fields else ""


def _advised(names: list[str], domain: str, options: type[Strict]) -> str:
    return "; ".join(_ADVICE[name].format(_named(name, domain, options)) for name in names)
