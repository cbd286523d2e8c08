"""A ticket to be opened, as Redmine takes it: what it cannot keep is refused before anything is sent."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from connectors.errors import Declined, Reason
from connectors.ticketing.port import NewTicket
from connectors.ticketing.redmine.client import values_among
from connectors.ticketing.redmine.installation import CustomField
from connectors.ticketing.redmine.options import RedmineOptions
from connectors.ticketing.redmine.rows import IssueRow, values_of
from connectors.writes import WriteKey

LONGEST_SUBJECT: Final = 255
"""Characters."""

_REFUSED: Final = re.compile(r"[\x00\ud800-\udfff]")
_NO_SUBJECT: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029\ud800-\udfff]")


def refused_text(text: str) -> bool:
    """Whether Redmine fails with 500 for a text: a NUL, or half a character."""
    return bool(_REFUSED.search(text))


def refuse_what_has_no_place(system: str, options: RedmineOptions, new: NewTicket) -> str:
    """The name of the category for the ticket, "" for none. Raises `Declined` for the first attribute without a place.

    Nothing was sent then.
    """

    def declined(attribute: str, detail: str, reason: Reason = Reason.INVALID) -> Declined:
        return Declined(system, f"{attribute}: {detail}; nothing was sent", reason, attribute=attribute)

    if new.severity is not None and options.priority_for(new.severity) is None:
        raise declined("severity", "no priority means it", Reason.NOT_ALLOWED)
    if not new.name.strip():
        raise declined("name", "Redmine wants a subject")
    if _NO_SUBJECT.search(new.name):
        raise declined("name", "a subject is one line")
    if len(new.name) > LONGEST_SUBJECT:
        raise declined("name", f"more than {LONGEST_SUBJECT} characters", Reason.TOO_LONG)
    if refused_text(new.description):
        raise declined("description", "characters that Redmine fails with")
    if not values_among([new.customer_id]):
        raise declined("customer_id", "no custom field can hold this number")
    if len(values_among(new.service_ids)) < len(set(new.service_ids)):
        raise declined("service_ids", "no custom field can hold this number")
    for category in (options.category, *options.other_categories):
        if new.kind is None or (category and new.kind.casefold() == category.casefold()):
            return category
    raise declined("kind", "none of the categories that the options name")


def field_values(
    options: RedmineOptions, fields: Mapping[str, CustomField], new: NewTicket, key: WriteKey
) -> Sequence[Mapping[str, Any]]:
    """The custom fields of a new ticket, by their numbers. A list for a field of one value would be 422."""
    values: dict[str, str | list[str]] = {options.customer_field: new.customer_id}
    if new.service_ids:
        services = list(dict.fromkeys(new.service_ids))
        values[options.service_field] = services if fields[options.service_field].multiple else services[0]
    if options.key_field:
        values[options.key_field] = key
    return [{"id": fields[name].id, "value": value} for name, value in values.items()]


def kept_otherwise(options: RedmineOptions, new: NewTicket, key: WriteKey, row: IssueRow) -> list[str]:
    """Names of what Redmine has dropped or changed of a ticket that was opened."""
    wanted = {
        options.customer_field: {new.customer_id},
        options.service_field: set(new.service_ids),
        options.key_field: {str(key)},
    }
    found = [name for name, values in wanted.items() if name and values != set(values_of(row, name))]
    found += ["subject"] if row.subject != new.name else []
    priority = options.priority_for(new.severity) if new.severity is not None else None
    return found + (["priority"] if priority and (row.priority is None or row.priority.name != priority) else [])
