"""A ticket to be opened, as Request Tracker takes it: what it cannot keep is refused before anything is sent."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.errors import Declined, Reason
from connectors.ticketing.port import NewTicket
from connectors.ticketing.rt.client import is_filter_value
from connectors.ticketing.rt.options import RtOptions
from connectors.writes import WriteKey

LONGEST_SUBJECT: Final = 200
"""Bytes; RT cuts a longer subject without a word."""

_DROPPED: Final = re.compile(r"[\x00\ud800-\udfff]")
_NO_SUBJECT: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")
_NO_REQUESTOR: Final = re.compile(r"[^\w.+-]")


def refused_text(text: str) -> bool:
    """Whether RT would lose something of a text: all that follows a NUL."""
    return bool(_DROPPED.search(text))


def refuse_what_has_no_place(system: str, options: RtOptions, new: NewTicket) -> str:
    """The name of the queue for the ticket. Raises `Declined` for the first attribute that RT would lose."""

    def declined(attribute: str, detail: str, reason: Reason = Reason.INVALID) -> Declined:
        return Declined(system, f"{attribute}: {detail}; nothing was sent", reason, attribute=attribute)

    if new.severity is not None:
        raise declined("severity", "Request Tracker has a priority, and no severity", Reason.NOT_ALLOWED)
    if not new.name.strip():
        raise declined("name", "a ticket without a subject is one that nobody recognises")
    if _NO_SUBJECT.search(new.name):
        raise declined("name", "line breaks vanish from a subject")
    if len(new.name.encode()) > LONGEST_SUBJECT:
        raise declined("name", f"more than {LONGEST_SUBJECT} bytes", Reason.TOO_LONG)
    if refused_text(new.description):
        raise declined("description", "characters that RT drops")
    if not new.customer_id or not is_filter_value(new.customer_id):
        raise declined("customer_id", "no question to RT can name this number")
    if "{customer_id}" in options.requestor and _NO_REQUESTOR.search(new.customer_id):
        raise declined("customer_id", "this number in the requestor would name somebody else, too")
    if not all(one and is_filter_value(one) for one in new.service_ids):
        raise declined("service_ids", "no question to RT can name this number")
    for queue in (options.queue, *options.other_queues):
        if new.kind is None or new.kind.casefold() == queue.casefold():
            return queue
    raise declined("kind", "none of the queues that the options name")


def ticket_body(options: RtOptions, queue: str, new: NewTicket, key: WriteKey) -> Mapping[str, Any]:
    """What is sent."""
    body: dict[str, Any] = {
        "Queue": queue,
        "Subject": new.name,
        "Content": new.description,
        "ContentType": "text/plain",
        "CustomFields": _fields(options, new, key),
    }
    if options.requestor:
        body["Requestor"] = options.requestor.replace("{customer_id}", new.customer_id)
    return body


def kept_otherwise(
    options: RtOptions,
    new: NewTicket,
    key: WriteKey,
    subject: str | None,
    has_requestor: bool,
    held: Mapping[str, Sequence[str]],
) -> list[str]:
    """Names of what RT has dropped or changed of a ticket that was opened."""
    named = {name: [value] if isinstance(value, str) else value for name, value in _fields(options, new, key).items()}
    found = [name for name, values in named.items() if sorted(held.get(name, ())) != sorted(set(values))]
    found += ["Subject"] if subject != new.name else []
    return found + (["Requestor"] if options.requestor and not has_requestor else [])


def _fields(options: RtOptions, new: NewTicket, key: WriteKey) -> Mapping[str, str | list[str]]:
    fields: dict[str, str | list[str]] = {options.customer_field: new.customer_id}
    if new.service_ids:
        services = list(dict.fromkeys(new.service_ids))
        fields[options.service_field] = services[0] if len(services) == 1 else services
    return fields | ({options.key_field: key} if options.key_field else {})
