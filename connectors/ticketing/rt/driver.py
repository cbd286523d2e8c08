"""Ticketing by Request Tracker 5 (REST 2): tickets, what was written on them, and their files.

Seen in 5.0.3. Tickets are known by custom fields: whose they are and which service they are about. Request Tracker
has nothing like a service problem: outages are `unsupported`.
"""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from typing import Final

from connectors.errors import ConnectorError, Garbled, NotSupported, Rejected
from connectors.http.client import HttpClient
from connectors.reading.concurrently import together
from connectors.reading.grouping import by_id, grouped, mapped
from connectors.reading.order import Order
from connectors.reading.rows import Batch, Identified, RowPage
from connectors.records import Document, Fields, Found, Rows, Window
from connectors.ticketing.port import ENDED, NewNote, NewTicket, Outage, StatusChange, Ticket
from connectors.ticketing.rt.client import (
    PAGE,
    RtList,
    custom_field,
    equals,
    ids_among,
    is_none_of,
    is_one_of,
    json_query,
    speakable,
)
from connectors.ticketing.rt.history import NOTHING, Histories
from connectors.ticketing.rt.options import RtOptions
from connectors.ticketing.rt.rows import Records, TicketRow, Told, names
from connectors.ticketing.rt.writes import NO_NOTE_KEY, NO_TICKET_KEY, RtWrites
from connectors.writes import WriteKey


class _CustomField(Identified, rename="pascal"):
    name: str | None = None


# As `arranged` sorts: the same second is in the order of the ids.
_NEWEST: Final = (("Created", "DESC"), ("id", "ASC"))
_NEWEST_FIRST: Final = Order("-Created", "created_at")
_NO_OUTAGES: Final = "Request Tracker has tickets only, no service problems with the services that they affect."


class RtTicketing:
    """The ticketing port over Request Tracker 5.

    The system's address is that of RT's own pages, without /REST/2.0. Least calls: one for every 100 tickets by id;
    one for every page of 100 tickets of customers or services, as many keys as fit into a URL; with description or
    notes two more for every 100 tickets (their transactions, their texts), with attachments one more; one for a file.
    An answer without tickets costs one more call, once, which looks whether the custom field exists at all.
    """

    def __init__(self, http: HttpClient, options: RtOptions) -> None:
        self.http, self._options = http, options
        self._tickets = RtList(http, "tickets", TicketRow, options.max_url)
        self._custom_fields = RtList(http, "customfields", _CustomField, options.max_url)
        self._records = Records(http.name, options)
        self._histories = Histories(http, options, self._records.date)
        # What is ended by our own words, so that what RT leaves out is exactly what the port calls ended. Not
        # "deleted", which RT never finds unless asked for by that name.
        ended = {word for word, status in self._records.words.items() if status.value in ENDED}
        self._ended = sorted(ended - {"deleted"})
        self._existing: set[str] = set()
        self._writes = RtWrites(http, options, self._records.words)
        self.unsupported: Mapping[str, str] = {
            "outages": _NO_OUTAGES,
            "outage_list": _NO_OUTAGES,
            "open_outages_of_services": _NO_OUTAGES,
            "open_outages_of_resources": _NO_OUTAGES,
            "Ticket.severity": "Request Tracker has a priority, and no severity.",
            "Ticket.raw_severity": "Request Tracker has a priority, and no severity.",
            **({} if options.key_field else {"ticket_opened_with": NO_TICKET_KEY}),
            **({} if options.note_key_field else {"has_note": NO_NOTE_KEY}),
        }

    async def probe(self) -> None:
        """One cheap read, for health: whether the custom fields exist. Raises `ConnectorError`."""
        await self._must_exist([self._options.customer_field, self._options.service_field])

    async def tickets(self, ids: Sequence[str], fields: Fields | None) -> Found[Ticket]:
        """See `TicketingPort`. One call for 100 ids."""
        batches = await self._batches("id", ids_among(ids), fields, names(fields), "", most=PAGE)
        return mapped(by_id(batches, self._unreadable), self._records.ticket)

    async def tickets_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None, *, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        """See `TicketingPort`. One call for a window, and for every 100 tickets of many customers."""
        name = self._options.customer_field
        if window is not None and len(customer_ids) == 1 and customer_ids[0] and speakable(customer_ids[0]):
            try:
                rows = await self._window(name, customer_ids[0], window, fields, is_open)
            except ConnectorError as failure:
                return {customer_ids[0]: failure}
            if rows is not None:
                return {customer_ids[0]: rows}
        return await self._by_field(name, customer_ids, fields, is_open)

    async def tickets_of_services(
        self, service_ids: Sequence[str], fields: Fields | None, *, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        """See `TicketingPort`. One call for every 100 tickets."""
        return await self._by_field(self._options.service_field, service_ids, fields, is_open)

    async def outages(self, ids: Sequence[str], fields: Fields | None) -> Found[Outage]:
        """Not supported."""
        raise NotSupported(self.http.name, _NO_OUTAGES)

    async def outage_list(
        self,
        window: Window,
        fields: Fields | None,
        *,
        is_open: bool | None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Rows[Outage]:
        """Not supported."""
        raise NotSupported(self.http.name, _NO_OUTAGES)

    async def open_outages_of_services(self, service_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Outage]]:
        """Not supported."""
        raise NotSupported(self.http.name, _NO_OUTAGES)

    async def open_outages_of_resources(
        self, resource_ids: Sequence[str], fields: Fields | None
    ) -> Found[Rows[Outage]]:
        """Not supported."""
        raise NotSupported(self.http.name, _NO_OUTAGES)

    def open_document(self, document: Document) -> AbstractAsyncContextManager[AsyncIterator[bytes] | None]:
        """See `TicketingPort`. One call; the file is read whole, within `max_bytes`."""
        if not isinstance(document.source, str) or not ids_among([document.source]):
            raise TypeError(f"{document.owner} {document.id}: not a document of {self.http.name}'s own records")
        return self._opened(document.source)

    async def open_ticket(self, new: NewTicket, key: WriteKey) -> str:
        """See `TicketingPort` and `RtWrites`."""
        return await self._writes.open_ticket(new, key)

    async def ticket_opened_with(self, new: NewTicket, key: WriteKey) -> str | None:
        """See `TicketingPort` and `RtWrites`."""
        return await self._writes.ticket_opened_with(new, key)

    async def add_note(self, note: NewNote, key: WriteKey) -> None:
        """See `TicketingPort` and `RtWrites`."""
        await self._writes.add_note(note, key)

    async def has_note(self, note: NewNote, key: WriteKey) -> bool:
        """See `TicketingPort` and `RtWrites`."""
        return await self._writes.has_note(note, key)

    async def set_status(self, change: StatusChange, key: WriteKey) -> None:
        """See `TicketingPort` and `RtWrites`."""
        await self._writes.set_status(change, key)

    async def assign_ticket(self, ticket_id: str, assignee: str, key: WriteKey) -> None:
        """See `TicketingPort` and `RtWrites`. RT has no place for this key, nor needs one: the owner is read."""
        await self._writes.assign_ticket(ticket_id, assignee)

    @asynccontextmanager
    async def _opened(self, key: str) -> AsyncIterator[AsyncIterator[bytes] | None]:
        content = await self._histories.file(key)
        yield None if content is None else _whole(content)

    async def _window(
        self, name: str, key: str, window: Window, fields: Fields | None, is_open: bool | None
    ) -> Rows[Ticket] | None:
        """One window, or None where it holds what it should not: then everything is read and sorted out."""
        query = is_one_of(custom_field(name), [key]) + self._status(is_open)
        question = self._tickets.question(query, names(fields, is_open), _NEWEST)
        page = await self._tickets.window(question, [key], window)
        tickets = [self._records.ticket(told) for told in await self._told(page, fields)]
        ours = all(key in ticket.customer_ids for ticket in tickets)
        if page.unreadable or not ours or not all(_is_wanted(ticket, is_open) for ticket in tickets):
            return None
        if not page.entries and not page.total:
            await self._must_exist([name])
        return Rows(tickets, window.offset, page.total, complete=False)

    async def _by_field(
        self, name: str, keys: Sequence[str], fields: Fields | None, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        asked = [key for key in dict.fromkeys(keys) if key]
        unspoken = [key for key in asked if not speakable(key)]
        spoken = [key for key in asked if speakable(key)]
        status, columns = self._status(is_open), names(fields, is_open)
        batches = await self._batches(custom_field(name), spoken, fields, columns, status)
        failure = Rejected(self.http.name, f"a value of {name} that RT's query language cannot say")
        batches += [Batch(unspoken, (), failure)] if unspoken else []
        if batches and not any(batch.rows or batch.failure or batch.unreadable for batch in batches):
            try:
                await self._must_exist([name])
            except ConnectorError as missing:
                return dict.fromkeys(asked, missing)
        theirs = self._options.customer_field == name
        return grouped(
            batches,
            self._records.ticket,
            lambda ticket: ticket.customer_ids if theirs else ticket.service_ids,
            lambda ticket: _is_wanted(ticket, is_open),
            _NEWEST_FIRST,
        )

    async def _batches(
        self,
        field: str,
        keys: Sequence[str],
        fields: Fields | None,
        columns: Mapping[str, str | None],
        status: str,
        most: int = sys.maxsize,
    ) -> list[Batch[Told]]:
        def question(keys: Sequence[str]) -> str:
            return self._tickets.question(is_one_of(field, keys) + status, columns)

        async def ask(part: Sequence[str]) -> Batch[Told]:
            try:
                page = await self._tickets.everything(question(part), part)
                return Batch(part, await self._told(page, fields), unreadable=page.unreadable)
            except ConnectorError as failure:
                return Batch(part, (), failure)

        chunks = self._tickets.chunks(keys, question([]), lambda key: equals(field, key), " OR ", most)
        batches = list(await together([ask(part) for part in chunks.parts]))
        return batches + [Batch([key], (), self._tickets.too_long(key)) for key in chunks.too_long]

    async def _told(self, page: RowPage[TicketRow], fields: Fields | None) -> list[Told]:
        histories = await self._histories.of([str(row.id) for row in page.rows], fields)
        return [Told(row.id, row, histories.get(str(row.id), NOTHING)) for row in page.rows]

    async def _must_exist(self, fields: Sequence[str]) -> None:
        """RT finds no ticket by a custom field that does not exist, and says nothing: `Rejected` does."""
        wanted = sorted(set(fields) - self._existing)
        if not wanted:
            return
        query = json_query(
            {"field": "Name", "operator": "IN", "value": wanted},
            {"field": "LookupType", "value": "RT::Queue-RT::Ticket"},
        )
        page = await self._custom_fields.everything(self._custom_fields.question(query, {"Name": None}), wanted)
        self._existing.update(row.name for row in page.rows if row.name)
        if missing := sorted(set(wanted) - self._existing):
            detail = f"no custom field {', '.join(map(repr, missing))} that the gateway's user may see"
            raise Rejected(self.http.name, f"{detail}: set customer_field and service_field to the names in RT")

    def _unreadable(self, key: str) -> Garbled:
        return Garbled(self.http.name, f"the ticket {key} cannot be read")

    def _status(self, is_open: bool | None) -> str:
        if is_open is None or not self._ended:
            return ""
        return " AND " + (is_none_of if is_open else is_one_of)("Status", self._ended)


def _is_wanted(ticket: Ticket, is_open: bool | None) -> bool:
    return is_open is None or ticket.is_open is is_open


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content
