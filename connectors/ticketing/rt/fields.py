"""Custom fields of Request Tracker: their values in a row, and which of them a queue has.

A custom field that does not exist, or is not applied to the ticket's queue, is dropped without a word when something is
written. So what a queue has is looked up before the first write to it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from connectors.errors import Rejected
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.rows import Identified
from connectors.ticketing.rt.client import REST2, RtList, json_query

OF_TICKETS: Final = "RT::Queue-RT::Ticket"
OF_TRANSACTIONS: Final = "RT::Queue-RT::Ticket-RT::Transaction"


class FieldValues(msgspec.Struct):
    """A custom field of a row and its values."""

    name: str | None = None
    values: list[Any] | None = None


def values_by_name(fields: list[FieldValues] | str | None) -> dict[str, tuple[str, ...]]:
    """Values by the field's name: RT sends the fields in changing order."""
    if not isinstance(fields, list):
        return {}
    return {
        field.name: tuple(dict.fromkeys(text for value in field.values or () if (text := _text(value))))
        for field in fields
        if field.name
    }


def _text(value: Any) -> str | None:
    """A value as text; None for what is neither a text nor a whole number."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


class QueueField(Identified, rename="pascal"):
    """A custom field that is applied to a queue."""

    name: str
    lookup_type: str
    max_values: str | int | None = None
    unique_values: str | int | None = None

    @property
    def holds_one(self) -> bool:
        """Whether the last of several values is all that it keeps."""
        return str(self.max_values) == "1"


class QueueFields:
    """The custom fields of queues. What a queue has is asked once, and again while something is missing."""

    def __init__(self, http: HttpClient, max_url: int) -> None:
        self._http, self._max_url = http, max_url
        self._queue = msgspec.json.Decoder(Identified)
        self._fields: dict[str, Mapping[tuple[str, str], QueueField]] = {}
        self._ids: dict[str, str] = {}

    async def known_id(self, name: str) -> str:
        """The number of a queue as it was last; as `queue_id` where it was not asked for yet."""
        return self._ids.get(name) or await self.queue_id(name)

    async def queue_id(self, name: str) -> str:
        """The number of a queue. Raises `Rejected` where there is none of this name.

        One call each time: before a write it also renews a session that has ended, which no write can.
        """
        found = self._ids[name] = await self._http.send(Request.get(f"{REST2}/queue/{quote(name, safe='')}"), self._id)
        return found

    async def must_have(self, queue_id: str, lookup_type: str, names: Iterable[str]) -> Mapping[str, QueueField]:
        """The fields of these names. Raises `Rejected` where the queue lacks one: a value for it would be dropped."""
        wanted = [(lookup_type, name) for name in names]
        if not self._fields.get(queue_id, {}).keys() >= set(wanted):
            self._fields[queue_id] = await self._read(queue_id)
        fields = self._fields[queue_id]
        if missing := [name for _, name in wanted if (lookup_type, name) not in fields]:
            kind = "tickets" if lookup_type == OF_TICKETS else "transactions"
            detail = f"queue {queue_id} has no custom field of {kind} {', '.join(map(repr, missing))}"
            raise Rejected(self._http.name, f"{detail}: apply it to the queue, or change the options; nothing was sent")
        return {name: fields[lookup_type, name] for _, name in wanted}

    async def _read(self, queue_id: str) -> Mapping[tuple[str, str], QueueField]:
        of_queue = RtList(self._http, f"queue/{queue_id}/customfields", QueueField, self._max_url)
        asked = dict.fromkeys(("Name", "LookupType", "MaxValues", "UniqueValues"))
        page = await of_queue.everything(of_queue.question(json_query(), asked), [queue_id])
        return {(row.lookup_type, row.name): row for row in page.rows}

    def _id(self, answer: Answer) -> str:
        if answer.status == 404:
            raise Rejected(self._http.name, "no queue of that name that the gateway's user may see: set the option")
        return str(self._queue.decode(answer.body).id)
