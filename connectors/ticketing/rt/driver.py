"""Ticketing by Request Tracker 5 (REST 2): tickets, their notes and their files. Tested with 5.0.3.

Custom fields of a ticket hold the customer number and the service number.
"""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime, timedelta
from typing import ClassVar, Final

from connectors.errors import ConnectorError, Garbled, Rejected, TooMuch
from connectors.events.speaking import Telling
from connectors.files import ByteRange, File
from connectors.http.client import HttpClient
from connectors.reading.changes import LAST, ChangesPage, TooManyChanges, newest_first
from connectors.reading.concurrently import run_concurrently
from connectors.reading.grouping import group_by_key, map_rows, match_ids
from connectors.reading.order import Order
from connectors.reading.rows import Batch, Identified, RowPage
from connectors.reading.warn_once import WarnOnce
from connectors.records import Changed, Document, Fields, Found, Rows, Window
from connectors.ticketing.port import ENDED, NewNote, NewTicket, StatusChange, Ticket
from connectors.ticketing.rt.client import (
    PAGE,
    RtList,
    custom_field,
    equals,
    ids_among,
    is_filter_value,
    is_none_of,
    is_one_of,
    json_query,
)
from connectors.ticketing.rt.events import RtEvents
from connectors.ticketing.rt.history import NO_HISTORY, Histories
from connectors.ticketing.rt.options import RtOptions
from connectors.ticketing.rt.rows import Records, TicketRow, TicketWithHistory, rt_fields
from connectors.ticketing.rt.writes import NO_NOTE_KEY, NO_TICKET_KEY, RtWrites
from connectors.writes import WriteKey


class _CustomField(Identified, rename="pascal"):
    name: str | None = None


# As `sorted_records` sorts: tickets of the same second by id.
_NEWEST: Final = (("Created", "DESC"), ("id", "ASC"))
_LAST_CHANGED: Final = (("LastUpdated", "DESC"), ("id", "ASC"))
_NEWEST_FIRST: Final = Order("-Created", "created_at")


class RtTicketing:
    """The ticketing port over Request Tracker 5.

    The system's url is that of RT's web pages, without /REST/2.0. Calls: one per 100 tickets by id; one per page of 100
    tickets of customers or services, with as many keys as fit into a URL. Description or notes take two more per 100
    tickets (transactions, texts), attachments one more, a file one. The first answer without tickets takes one more
    call, to check that the custom field exists.
    """

    telling: ClassVar[Telling] = Telling.POST

    def __init__(self, http: HttpClient, options: RtOptions) -> None:
        self.http, self._options = http, options
        self.events = RtEvents(http.name)
        self._tickets = RtList(http, "tickets", TicketRow, options.max_url, ["CustomFields"])
        self._custom_fields = RtList(http, "customfields", _CustomField, options.max_url)
        self._records = Records(WarnOnce(http.name, notice=http.health.notice), options)
        self._histories = Histories(http, options, self._records.date)
        # The words that `Ticket.is_open` counts as ended, without "deleted": RT finds such tickets only by that word.
        ended = {word for word, status in self._records.words.items() if status.value in ENDED}
        self._ended = sorted(ended - {"deleted"})
        self._existing: set[str] = set()
        self._writes = RtWrites(http, options, self._records.words)
        self.unsupported: Mapping[str, str] = {
            "Ticket.severity": "Request Tracker has a priority, and no severity.",
            "Ticket.raw_severity": "Request Tracker has a priority, and no severity.",
            **({} if options.key_field else {"ticket_opened_with": NO_TICKET_KEY}),
            **({} if options.note_key_field else {"has_note": NO_NOTE_KEY}),
        }

    async def probe(self) -> None:
        """Check that the custom fields exist. Raises `ConnectorError`."""
        await self._must_exist([self._options.customer_field, self._options.service_field])

    async def tickets(self, ids: Sequence[str], fields: Fields | None) -> Found[Ticket]:
        """One call per 100 ids."""
        batches = await self._batches("id", ids_among(ids), fields, rt_fields(fields), "", most=PAGE)
        return map_rows(match_ids(batches, self._unreadable), self._records.ticket)

    async def tickets_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None, *, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        """One call for a window, or per 100 tickets of many customers."""
        name = self._options.customer_field
        if window is not None and len(customer_ids) == 1 and customer_ids[0] and is_filter_value(customer_ids[0]):
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
        """One call per 100 tickets."""
        return await self._by_field(self._options.service_field, service_ids, fields, is_open)

    async def tickets_changed(self, since: datetime | None) -> Sequence[Changed]:
        """One call per 100 tickets."""
        if since is None:
            return (await self._last_changed("id>0", Window(0, LAST))).changes
        # RT reads times in the zone of the gateway's user, whichever that is: a margin, and the rows are checked.
        query = f"LastUpdated>'{(since - timedelta(days=2)).date().isoformat()}'"

        async def read(window: Window) -> ChangesPage:
            return await self._last_changed(query, window)

        most = self.http.system.max_rows
        try:
            return await newest_first(read, since, self._tickets.warn_once, asked="", sorts=True, most=most)
        except TooManyChanges as error:
            raise TooMuch(self.http.name, f"more than max_rows = {most} tickets changed since {since}") from error

    async def _last_changed(self, query: str, window: Window) -> ChangesPage:
        question = self._tickets.question(query, {"Created": None, "LastUpdated": None}, _LAST_CHANGED)
        page = await self._tickets.window(question, [], window)
        return ChangesPage(
            [
                Changed(id=str(row.id), changed_at=at, created_at=self._records.date(row.created))
                for row in page.rows
                if (at := self._records.date(row.last_updated)) is not None
            ],
            len(page.entries),
        )

    def open_document(
        self, document: Document, part: ByteRange | None = None
    ) -> AbstractAsyncContextManager[File | None]:
        """One call. The file is read into memory, so `max_bytes` limits it."""
        if not isinstance(document.source, str) or not ids_among([document.source]):
            raise TypeError(f"{document.owner} {document.id}: not a document of {self.http.name}'s own records")
        return self._opened(document.source)

    async def open_ticket(self, new: NewTicket, key: WriteKey) -> str:
        return await self._writes.open_ticket(new, key)

    async def ticket_opened_with(self, new: NewTicket, key: WriteKey) -> str | None:
        return await self._writes.ticket_opened_with(new, key)

    async def add_note(self, note: NewNote, key: WriteKey) -> None:
        await self._writes.add_note(note, key)

    async def has_note(self, note: NewNote, key: WriteKey) -> bool:
        return await self._writes.has_note(note, key)

    async def set_status(self, change: StatusChange, key: WriteKey) -> None:
        await self._writes.set_status(change, key)

    async def assign_ticket(self, ticket_id: str, assignee: str, key: WriteKey) -> None:
        """RT has no place for this key, nor needs one: the owner is read."""
        await self._writes.assign_ticket(ticket_id, assignee)

    @asynccontextmanager
    async def _opened(self, key: str) -> AsyncIterator[File | None]:
        content = await self._histories.file(key)
        yield None if content is None else File.of(content)

    async def _window(
        self, name: str, key: str, window: Window, fields: Fields | None, is_open: bool | None
    ) -> Rows[Ticket] | None:
        """One window; None if it has unreadable or unrequested rows, and the complete list must be filtered here."""
        query = is_one_of(custom_field(name), [key]) + self._status(is_open)
        question = self._tickets.question(query, rt_fields(fields, is_open), _NEWEST)
        page = await self._tickets.window(question, [key], window)
        tickets = [self._records.ticket(one) for one in await self._with_histories(page, fields)]
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
        unspoken = [key for key in asked if not is_filter_value(key)]
        spoken = [key for key in asked if is_filter_value(key)]
        status, columns = self._status(is_open), rt_fields(fields, is_open)
        batches = await self._batches(custom_field(name), spoken, fields, columns, status)
        failure = Rejected(self.http.name, f"a value of {name} that RT's query language cannot express")
        batches += [Batch(unspoken, (), failure)] if unspoken else []
        if batches and not any(batch.rows or batch.failure or batch.unreadable for batch in batches):
            try:
                await self._must_exist([name])
            except ConnectorError as missing:
                return dict.fromkeys(asked, missing)
        theirs = self._options.customer_field == name
        return await group_by_key(
            batches,
            self._records.ticket,
            lambda ticket: ticket.customer_ids if theirs else ticket.service_ids,
            lambda ticket: _is_wanted(ticket, is_open),
            _NEWEST_FIRST,
            unreadable=self._unreadable,
            unasked=lambda _row: self._tickets.warn_once(
                f"sends tickets that do not show the {name} that they were asked for by: they are left out"
            ),
        )

    async def _batches(
        self,
        field: str,
        keys: Sequence[str],
        fields: Fields | None,
        columns: Mapping[str, str | None],
        status: str,
        most: int = sys.maxsize,
    ) -> list[Batch[TicketWithHistory]]:
        def question(keys: Sequence[str]) -> str:
            return self._tickets.question(is_one_of(field, keys) + status, columns)

        async def ask(part: Sequence[str]) -> Batch[TicketWithHistory]:
            try:
                page = await self._tickets.everything(question(part), part)
                return Batch(part, await self._with_histories(page, fields), unreadable=page.unreadable)
            except ConnectorError as failure:
                return Batch(part, (), failure)

        chunks = self._tickets.chunks(keys, question([]), lambda key: equals(field, key), " OR ", most)
        batches = list(await run_concurrently([ask(part) for part in chunks.parts]))
        return batches + [Batch([key], (), self._tickets.too_long(key)) for key in chunks.too_long]

    async def _with_histories(self, page: RowPage[TicketRow], fields: Fields | None) -> list[TicketWithHistory]:
        histories = await self._histories.by_ticket([str(row.id) for row in page.rows], fields)
        return [TicketWithHistory(row.id, row, histories.get(str(row.id), NO_HISTORY)) for row in page.rows]

    async def _must_exist(self, fields: Sequence[str]) -> None:
        """Raise `Rejected` if a custom field does not exist: RT would answer with an empty list."""
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
