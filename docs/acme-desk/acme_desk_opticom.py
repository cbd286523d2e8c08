"""Ticketing by Acme Desk 4: a case is a ticket, known by its number."""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar
from urllib.parse import quote

import msgspec
from pydantic import Field

from connectors.drivers import Driver
from connectors.errors import ConnectorError, Declined, Garbled, NotSupported, Reason, Rejected, TooMuch
from connectors.files import ByteRange, File
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.lenient import LenientReader
from connectors.reading.warn_once import WarnOnce
from connectors.records import Changed, Document, Fields, Found, Rows, Window, changed, owned_by
from connectors.strict import Strict
from connectors.ticketing.port import (
    NewNote,
    NewTicket,
    StatusChange,
    Ticket,
    TicketingPort,
    TicketNote,
    TicketStatus,
)
from connectors.writes import WriteKey

NUMBER = re.compile("[1-9][0-9]{0,17}")  # nothing else can be the number of a case
STATES = {"new": TicketStatus.ACKNOWLEDGED, "open": TicketStatus.IN_PROGRESS, "done": TicketStatus.RESOLVED}
NOT_KEPT = "Acme Desk has cases only: no files."
NOT_TOLD = "Acme Desk cannot be asked which cases changed."
STAFF_ONLY = "Acme Desk lets only its own staff change a case's state or who works on it."


class DeskOptions(Strict):
    """The settings in `systems.ticketing.options`; `Driver` checks them and passes them to the driver."""

    page_size: Annotated[int, Field(ge=1, le=500, description="Cases asked for in one call.")] = 100
    batch: Annotated[int, Field(ge=1, description="Most keys in one filter.")] = 20
    kind: Annotated[str, Field(description="What a case is where the caller does not say it.")] = "fault"


class Case(msgspec.Struct):  # only what is read; unknown attributes are ignored
    number: int
    client: str | None = None
    title: str | None = None
    state: str | None = None
    opened: int | None = None
    service: str | None = None
    text: str | None = None
    kind: str | None = None
    ref: str | None = None  # the key of the write that made it


class Page(msgspec.Struct):  # both are required: an apology in a 200 has neither, and must not be an empty list
    total: int
    cases: list[msgspec.Raw]


class Unknown(msgspec.Struct):
    unknown: list[int]


class Note(msgspec.Struct):
    by: str | None = None
    text: str | None = None
    public: bool = False
    ref: str | None = None


class Notes(msgspec.Struct):
    notes: list[Note]


class Done(msgspec.Struct):  # Acme Desk says 200 to what it refuses, too: without a number nothing was done
    number: int | None = None
    refused: str | None = None  # the attribute that it does not like, or "case"


class DeskTicketing:
    """The ticketing port over Acme Desk's API."""

    unsupported: ClassVar[Mapping[str, str]] = {
        "Ticket.attachments": NOT_KEPT,
        "tickets_changed": NOT_TOLD,
        "set_status": STAFF_ONLY,
        "assign_ticket": STAFF_ONLY,
    }
    one_by_one: ClassVar[Mapping[str, str]] = {"Ticket.notes": "Acme Desk lists the notes of one case per call."}

    def __init__(self, http: HttpClient, options: DeskOptions) -> None:
        self.http, self._options = http, options  # `http` by this name: health reads it
        warn = WarnOnce(http.name, "/api/cases", http.health.notice)
        self._lenient = LenientReader(Case, {"number", "client", "service"}, warn)

    async def probe(self) -> None:
        await self._page("", [], 0, 1)  # one cheap read, for health and `check`

    async def tickets(self, ids: Sequence[str], fields: Fields | None) -> Found[Ticket]:
        numbers = [key for key in ids if NUMBER.fullmatch(key)]
        found = await self._with_notes(await self._tickets_by("number", numbers), fields)
        hidden = Garbled(self.http.name, "a case that was asked for by number may be one that cannot be read")
        return {key: next(iter(one.items), hidden) if isinstance(one, Rows) else one for key, one in found.items()}

    async def tickets_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None, *, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        found = await self._tickets_by("client", customer_ids, is_open)
        if window is not None:  # cut here, so that notes are read of these tickets only
            found = {key: _in_window(one, window) if isinstance(one, Rows) else one for key, one in found.items()}
        return await self._with_notes(found, fields)

    async def tickets_of_services(
        self, service_ids: Sequence[str], fields: Fields | None, *, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        return await self._with_notes(await self._tickets_by("service", service_ids, is_open), fields)

    async def tickets_changed(self, since: datetime | None) -> Sequence[Changed]:
        raise NotSupported(self.http.name, NOT_TOLD)

    def open_document(
        self, document: Document, part: ByteRange | None = None
    ) -> AbstractAsyncContextManager[File | None]:
        raise NotSupported(self.http.name, NOT_KEPT)  # else: self.http.stream(document.source, part)

    async def open_ticket(self, new: NewTicket, key: WriteKey) -> str:
        if new.severity is not None:  # no place for it: say so, rather than drop it
            raise Declined(self.http.name, "no severity", Reason.NOT_ALLOWED, attribute="severity")
        if len(new.service_ids) > 1:
            raise Declined(self.http.name, "one service a case", Reason.NOT_ALLOWED, attribute="service_ids")
        case: dict[str, str | None] = {"client": new.customer_id, "title": new.name, "text": new.description}
        case |= {"kind": new.kind or self._options.kind, "service": next(iter(new.service_ids), None), "ref": key}
        attributes = {"client": "customer_id", "title": "name", "text": "description", "service": "service_ids"}
        return await self._write("/api/cases", case, [], attributes)

    async def ticket_opened_with(self, new: NewTicket, key: WriteKey) -> str | None:  # asked after a lost answer
        def read(answer: Answer) -> str | None:
            page = msgspec.json.decode(answer.body, type=Page)
            cases = [msgspec.json.decode(raw, type=Case) for raw in page.cases]
            for case in cases:
                if case.ref == key:  # on the row itself: an older Acme Desk ignores the filter
                    return str(case.number)
            if page.total:  # everybody's cases: "there is none" would be a guess
                raise Garbled(self.http.name, "the filter by ref was ignored")
            return None

        return await self.http.send(Request.get(f"/api/cases?ref={key}&count=100"), read)

    async def add_note(self, note: NewNote, key: WriteKey) -> None:
        body = {"by": note.author, "text": note.text, "public": not note.internal, "ref": key}
        await self._write(f"/api/cases/{self._number(note)}/notes", body, [note.ticket_id], {"case": "ticket_id"})

    async def has_note(self, note: NewNote, key: WriteKey) -> bool:
        return any(one.ref == key for one in await self._written(self._number(note)))

    async def set_status(self, change: StatusChange, key: WriteKey) -> None:
        raise NotSupported(self.http.name, STAFF_ONLY)

    async def assign_ticket(self, ticket_id: str, assignee: str, key: WriteKey) -> None:
        raise NotSupported(self.http.name, STAFF_ONLY)

    def _number(self, note: NewNote) -> str:
        if not NUMBER.fullmatch(note.ticket_id):
            raise Declined(self.http.name, "no number of a case", Reason.NOT_FOUND, attribute="ticket_id")
        return note.ticket_id

    async def _write(
        self, target: str, body: Mapping[str, Any], keys: Sequence[str], attributes: Mapping[str, str]
    ) -> str:
        """One request, sent once: the number of what was made. `attributes` are the port's names for Acme Desk's."""

        def read(answer: Answer) -> str:
            if answer.status == 404:
                raise Declined(self.http.name, "no such case", Reason.NOT_FOUND, attribute="ticket_id")
            done = msgspec.json.decode(answer.body, type=Done)
            if done.refused:
                attribute = attributes.get(done.refused, done.refused)
                raise Declined(self.http.name, f"{attribute} was refused", Reason.INVALID, attribute=attribute)
            if done.number is None:  # neither: nobody knows, and Garbled says that it may have happened
                raise Garbled(self.http.name, "a success without the number of what was made")
            return str(done.number)

        return await self.http.send(Request.write("POST", target, msgspec.json.encode(body), keys), read)

    async def _tickets_by(self, name: str, keys: Sequence[str], is_open: bool | None = None) -> Found[Rows[Ticket]]:
        """Tickets by key, with many keys per call. Each row is checked, because the product may ignore the filter."""
        keys = [key for key in dict.fromkeys(keys) if key and key == key.strip() and "," not in key and len(key) < 100]
        parts = [keys[at : at + self._options.batch] for at in range(0, len(keys), self._options.batch)]
        found: dict[str, Rows[Ticket] | ConnectorError] = {}
        for part, result in zip(
            parts, await self.http.for_each(parts, lambda part: self._all_pages(name, part)), strict=True
        ):
            if isinstance(result, ConnectorError):
                found.update(dict.fromkeys(part, result))  # these keys failed; other parts did not
                continue
            for key in part:
                own = [one for one in result if one and key in _keys(name, one) and is_open in (None, one.is_open)]
                lost = result.count(None)
                if lost and lost == len(result):
                    found[key] = Garbled(self.http.name, "none of the cases that came can be read")
                elif own or lost:
                    found[key] = Rows(own, 0, None if lost else len(own), unread=lost)
        return found

    async def _all_pages(self, name: str, keys: Sequence[str]) -> list[Ticket | None]:
        """The rows of all pages; None in place of an unreadable row."""
        size, system = self._options.page_size, self.http.system
        most = min(system.max_rows, system.max_calls * size)
        tickets: list[Ticket | None] = []
        total = 1 if keys else 0
        while len(tickets) < total:
            page = await self._page(f"{name}={','.join(quote(key, safe='') for key in keys)}", keys, len(tickets), size)
            if isinstance(page, Unknown):  # once more, without what does not exist
                rest = [key for key in keys if key not in map(str, page.unknown)]
                if len(rest) == len(keys):
                    raise Rejected(self.http.name, "422 for numbers that were not asked for")
                return await self._all_pages(name, rest)
            rows, total = page
            tickets += rows
            if total > most:
                raise TooMuch(
                    self.http.name, f"{total} cases, max_rows = {system.max_rows}, max_calls = {system.max_calls}"
                )
            if rows and len(tickets) > total:  # no total: read on, until nothing comes
                total = len(tickets) + 1
            elif not rows and len(tickets) < total:
                raise Garbled(self.http.name, f"{len(tickets)} cases came, and there are {total}")
        return tickets

    async def _page(
        self, query: str, keys: Sequence[str], start: int, count: int
    ) -> tuple[list[Ticket | None], int] | Unknown:
        def read(answer: Answer) -> tuple[list[Ticket | None], int] | Unknown:
            if answer.status == 404:
                raise Rejected(self.http.name, "no /api/cases: is this Acme Desk 4?")
            if answer.status == 422:
                return msgspec.json.decode(answer.body, type=Unknown)
            if answer.is_empty:
                return [], 0
            page = msgspec.json.decode(answer.body, type=Page)
            return [self._ticket(raw) for raw in page.cases], page.total

        target = f"/api/cases?{query}&sort=-opened&from={start}&count={count}"
        return await self.http.send(Request.get(target, keys, expected={422}), read)

    def _ticket(self, raw: msgspec.Raw) -> Ticket | None:
        """A case as a ticket; None where it cannot be read which case it is, or whose."""
        try:
            case: Case | None = msgspec.json.decode(raw, type=Case)
        except msgspec.ValidationError:
            case = self._lenient.read(raw)  # an odd attribute costs only itself
        if case is None:
            return None
        return Ticket(
            id=str(case.number),
            owners=owned_by(case.client),
            name=case.title,
            description=case.text,
            kind=case.kind,
            status=STATES.get(case.state or "", TicketStatus.UNKNOWN),
            raw_status=case.state,
            created_at=_moment(case.opened),
            service_ids=(case.service,) if case.service else (),
        )

    async def _with_notes(self, found: Found[Rows[Ticket]], fields: Fields | None) -> Found[Rows[Ticket]]:
        """The tickets with their notes, if these were selected: one call per ticket."""
        if fields is not None and "notes" not in fields:
            return found
        ids = list({one.id for rows in found.values() if isinstance(rows, Rows) for one in rows.items})
        notes = dict(zip(ids, await self.http.for_each(ids, self._notes), strict=True))
        return {key: _add_notes(notes, rows) if isinstance(rows, Rows) else rows for key, rows in found.items()}

    async def _notes(self, number: str) -> tuple[TicketNote, ...]:
        rows = await self._written(number)
        return tuple(TicketNote(author=n.by, text=n.text, created_at=None, internal=not n.public) for n in rows)

    async def _written(self, number: str) -> list[Note]:
        def read(answer: Answer) -> list[Note]:
            return [] if answer.status == 404 or answer.is_empty else msgspec.json.decode(answer.body, type=Notes).notes

        return await self.http.send(Request.get(f"/api/cases/{number}/notes", [number]), read)


def _keys(name: str, ticket: Ticket) -> Sequence[str]:
    return {"number": (ticket.id,), "client": ticket.customer_ids, "service": ticket.service_ids}[name]


def _in_window(rows: Rows[Ticket], window: Window) -> Rows[Ticket]:
    cut = rows.items[window.offset : window.offset + window.limit]
    return Rows(cut, window.offset, rows.total, complete=False)


def _add_notes(
    notes: Mapping[str, tuple[TicketNote, ...] | ConnectorError], rows: Rows[Ticket]
) -> Rows[Ticket] | ConnectorError:
    items: list[Ticket] = []
    for ticket in rows.items:
        own = notes[ticket.id]
        if isinstance(own, ConnectorError):
            return own  # rather than a ticket that only seems to have no notes
        items.append(changed(ticket, notes=own))
    return changed(rows, items=items)


def _moment(seconds: int | None) -> datetime | None:
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


DRIVER = Driver(DeskTicketing, DeskOptions)
if TYPE_CHECKING:
    _IS_ITS_PORT: type[TicketingPort] = DeskTicketing
