"""Changes rows as the switches of a deviating installation require."""

import re
from datetime import datetime
from random import Random
from typing import Any, Final

from sandbox.data.shapes import Row
from sandbox.protocol import version5
from sandbox.protocol.switches import Switches

_DATE: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)Z\Z")
_HALF: Final = "half-of-a-surrogate-pair"
_PARTIES: Final = ("relatedParty", "payer", "originatorParty", "responsibleParty")
_WORDS: Final = {
    "status": {
        "acknowledged": "New",
        "inProgress": "Working",
        "pending": "Awaiting Info",
        "held": "On Hold",
        "resolved": "Resolved - Permanently",
        "closed": "Closed - Complete",
        "Active": "Live",
        "Suspended": "Barred",
        "active": "Initial Sale",
        "done": "Completed",
    },
    "state": {"sent": "Issued", "settled": "Paid", "partiallyPaid": "Part Paid", "active": "In Use", "Active": "Open"},
    "severity": {"Critical": "1 - Critical", "Major": "2 - High", "Minor": "3 - Moderate"},
    "resourceStatus": {"available": "Operational", "alarm": "Faulty"},
}

_STANDARD: Final = {key: {own: word for word, own in words.items()} for key, words in _WORDS.items()}


def changes_rows(switches: Switches) -> bool:
    """Return whether any switch changes what rows look like."""
    return bool(
        switches.numeric_ids
        or switches.status_words
        or switches.dates != "iso"
        or switches.party_role_in_referred_type
        or switches.supporting_service_by_reference
        or switches.absolute_urls
        or switches.no_product_price
        or switches.parties_by_value
        or switches.paths
        or switches.odd
        or switches.broken_texts
        or switches.party_words
    )


def deviating_row(row: Row, switches: Switches, host: str) -> Row:
    """Return the row as this installation sends it. `host` is the server's name in the request."""
    found: Row = _value("", row, switches, host)
    ident = str(row.get("id"))
    for values in (switches.odd.get("*"), switches.odd.get(ident)):
        found |= {name: value for name, value in (values or {}).items() if name == "comment" or name in found}
    return found | ({"comment": f"broken {_HALF} text"} if ident in switches.broken_texts else {})


def with_broken_texts(body: bytes) -> bytes:
    """Return the body with an escape in the place of each mark that `deviating_row` has set."""
    return body.replace(_HALF.encode(), b"\\ud800")


def _value(key: str, value: Any, switches: Switches, host: str) -> Any:
    if key == "productPrice" and switches.no_product_price:
        return []
    if isinstance(value, dict):
        if switches.party_words and key in (*_PARTIES, "partyOrPartyRole"):
            words = switches.party_words
            value = value | {k: words.get(value[k], value[k]) for k in ("role", "@referredType") if k in value}
        if switches.parties_by_value and value.get("@type") == "RelatedPartyOrPartyRole":
            value = value | {"partyOrPartyRole": version5.party_by_value(value["partyOrPartyRole"])}
        role_as_type = switches.party_role_in_referred_type and key in _PARTIES and "role" in value
        if role_as_type and "@referredType" in value:
            value = {k: v for k, v in value.items() if k != "role"} | {"@referredType": _as_type(value["role"])}
        if role_as_type and "partyOrPartyRole" in value:
            inner = value["partyOrPartyRole"] | {"@referredType": _as_type(value["role"])}
            value = {k: v for k, v in value.items() if k != "role"} | {"partyOrPartyRole": inner}
        if key == "supportingService" and switches.supporting_service_by_reference:
            kept = {k: value[k] for k in ("id", "href", "name") if k in value}
            value = kept | ({"@type": "ServiceRef"} if switches.version == "v5" else {})
        return {k: _value(k, v, switches, host) for k, v in value.items()}
    if isinstance(value, list):
        found = [_value(key, item, switches, host) for item in value]
        if key == "relatedParty" and switches.party_role_in_referred_type:
            nobody = {"id": "", "name": "", "@referredType": "customer_contact"}
            found.append({"partyOrPartyRole": nobody} if switches.version == "v5" else nobody)
        return found
    if not isinstance(value, str):
        return value
    if key == "id" and switches.numeric_ids and value.isdigit():
        return int(value)
    if key == "href" and switches.paths:
        above, _, ident = value.rpartition("/")
        name = above.rpartition("/")[2]
        return f"{switches.paths[name]}/{ident}" if name in switches.paths else value
    if key == "url" and switches.absolute_urls and value.startswith("/"):
        return f"http://{host}{value}"
    if switches.status_words:
        value = _WORDS.get(key, {}).get(value, value)
    if switches.dates != "iso" and (match := _DATE.match(value)):
        return _date(match, switches.dates)
    return value


def _date(match: re.Match[str], style: str) -> str | int:
    match style:
        case "plain":
            return f"{match[1]} {match[2]}"
        case "noZone":
            return f"{match[1]}T{match[2]}"
        case "lowerCase":
            return match[0].lower()
    seconds = int(datetime.fromisoformat(match[0]).timestamp())
    return seconds if style == "epoch" else 1000 * seconds


def _as_type(role: str) -> str:
    """Return the @referredType in which an installation hides this role; an assignee is called otherwise there."""
    return {"assignee": "assigned_to"}.get(role, role)


def undisguised(body: Row, switches: Switches) -> Row:
    """Return a request's body with the standard's words, text for ids, and parties' roles in their place."""
    if not (switches.status_words or switches.numeric_ids or switches.party_role_in_referred_type):
        return body
    found: Row = _plain("", body, switches)
    return found


def _plain(key: str, value: Any, switches: Switches) -> Any:
    if isinstance(value, dict):
        if switches.party_role_in_referred_type and key in _PARTIES and "role" not in value:
            role = value.get("@referredType", "")
            role = "assignee" if role == _as_type("assignee") else role
            value = value | {"role": role, "@referredType": "Customer" if role == "customer" else "Individual"}
        return {k: _plain(k, v, switches) for k, v in value.items()}
    if isinstance(value, list):
        found = [_plain(key, item, switches) for item in value]
        return [one for one in found if key not in _PARTIES or one.get("id") != ""]
    if key == "id" and switches.numeric_ids and isinstance(value, int):
        return str(value)
    if switches.status_words and isinstance(value, str):
        return _STANDARD.get(key, {}).get(value, value)
    return value


def reordered(rows: list[Row], switches: Switches, rng: Random) -> list[Row]:
    """Return a page's rows shuffled, or with the first one repeated, as the switches say."""
    if switches.shuffle:
        rows = rng.sample(rows, len(rows))
    return rows + rows[:1] if switches.duplicate_rows else rows
