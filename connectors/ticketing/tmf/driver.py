"""Ticketing by TM Forum v4 and v5: TMF621 Trouble Ticket."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import ClassVar, Final

from connectors.events.speaking import Telling
from connectors.files import ByteRange, File
from connectors.http.client import HttpClient
from connectors.reading.grouping import map_rows
from connectors.reading.order import Order
from connectors.records import Changed, Document, Fields, Found, Rows, Window
from connectors.ticketing.port import ENDED, Ticket, TicketNote, TicketStatus
from connectors.ticketing.tmf.rows import TICKET, NoteRow
from connectors.ticketing.tmf.writes import TicketWrites, is_assignee
from connectors.tmf.capabilities import RequiredFilter, one_by_one, unsupported
from connectors.tmf.changes import Changes, unsupported_changes
from connectors.tmf.collection import Collection
from connectors.tmf.documents import open_attachment
from connectors.tmf.events import TmfEvents
from connectors.tmf.lists import all_under, page_under
from connectors.tmf.profile import Profile
from connectors.tmf.reader import Reader, enum_table
from connectors.tmf.shapes import RelatedParty, id_of
from connectors.tmf.statuses import Statuses, with_status
from connectors.tmf.versions import SPELLINGS

_NEWEST_TICKET: Final = Order("-creationDate", "created_at")
_STATUS: Final = enum_table(TicketStatus)
_INTERNAL: Final = frozenset({"internalnote", "work_notes"})
"""Usual types of internal notes, about which the operator need not be warned."""


class TmfTicketing(TicketWrites):
    """The ticketing port over TM Forum v4 and v5."""

    telling: ClassVar[Telling] = Telling.HUB

    def __init__(self, http: HttpClient, profile: Profile) -> None:
        self.http, self._profile = http, profile
        self._reader = Reader(http.name, profile, http.system.customer_key, http.health)
        self._public = frozenset(name.strip().casefold() for name in profile.public_note_types)
        self._spelled = SPELLINGS[profile.version]
        tickets = self._spelled.path("/tmf-api/troubleTicket/v4/troubleTicket")
        super().__init__(http, profile, self._reader, tickets)
        words = [one.value for one in TicketStatus]
        self._statuses = Statuses(self._reader, profile, words, ENDED, TicketStatus.UNKNOWN.value)
        ticket = TICKET.bound(
            self._reader,
            profile.version,
            status=self._statuses.decoder(lambda: self._tickets, _STATUS, TicketStatus.UNKNOWN).__getitem__,
            notes=lambda notes: tuple(map(self._note, notes or ())),
            assignee=self._assignee,
        )
        self._tickets = Collection(http, profile, tickets, ticket)
        self.events = TmfEvents(http.name, profile, [tickets])
        questions: dict[str, Sequence[RequiredFilter]] = {
            "tickets_of_customers": [(self._tickets, self._spelled.filter("relatedParty.id"))],
            "tickets_of_services": [(self._tickets, self._spelled.filter("relatedEntity.id"))],
        }
        self._changes = Changes(http, profile, self._reader, tickets, "creationDate", ["lastUpdate"])
        self._unsupported = {
            **unsupported(questions, {Ticket: self._tickets}, {"tickets": self._tickets}),
            **unsupported_changes({"tickets_changed": self._changes}),
        }
        self.one_by_one = one_by_one(questions, {"tickets": self._tickets})

    @property
    def unsupported(self) -> Mapping[str, str]:
        """Methods and attributes that this installation does not support according to its profile, with reasons."""
        return {**self._unsupported, **self.lacking()}

    @property
    def empty_is_404(self) -> bool:
        """Whether this installation answers an empty list with 404."""
        return self._tickets.profile.empty_is_404

    async def probe(self) -> None:
        """Read one ticket with its status, so that status words of the system's own are noticed early."""
        fields = frozenset({"status"})
        page = await self._tickets.page([], Window(0, 1), fields=fields)
        list(map(self._tickets.record_factory(fields), page.rows))

    async def tickets(self, ids: Sequence[str], fields: Fields | None) -> Found[Ticket]:
        return map_rows(await self._tickets.by_ids(ids, fields), self._tickets.record_factory(fields))

    async def tickets_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None, *, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        filters = self._statuses.filters(is_open)
        return await page_under(
            self._tickets,
            self._spelled.filter("relatedParty.id"),
            customer_ids,
            window if is_open is None or filters else None,
            lambda ticket: ticket.customer_ids,
            fields=with_status(fields, is_open),
            order=_NEWEST_TICKET,
            filters=filters,
            wanted=lambda ticket: is_open is None or ticket.is_open is is_open,
        )

    async def tickets_of_services(
        self, service_ids: Sequence[str], fields: Fields | None, *, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        asked = with_status(fields, is_open)
        return await all_under(
            self._tickets,
            self._spelled.filter("relatedEntity.id"),
            service_ids,
            lambda ticket: ticket.service_ids,
            fields=None if asked is None else asked | {"service_ids"},
            order=_NEWEST_TICKET,
            filters=self._statuses.filters(is_open),
            wanted=lambda ticket: is_open is None or ticket.is_open is is_open,
        )

    async def tickets_changed(self, since: datetime | None) -> Sequence[Changed]:
        return await self._changes.since(since)

    def open_document(
        self, document: Document, part: ByteRange | None = None
    ) -> AbstractAsyncContextManager[File | None]:
        return open_attachment(self.http, document, part)

    def _note(self, note: NoteRow) -> TicketNote:
        return TicketNote(
            author=note.author,
            text=note.text,
            created_at=self._reader.date(note.date),
            internal=self._internal(note.type),
            id=str(note.id) if isinstance(note.id, str | int) and note.id != "" else None,
        )

    def _assignee(self, parties: Sequence[RelatedParty] | None) -> str | None:
        named = [one.party for one in parties or () if is_assignee(one, self._profile)]
        return next((found for one in named if (found := id_of(one) or one.name)), None)

    def _internal(self, kind: str | None) -> bool:
        """Whether customers must not see notes of this @type: all but those that the profile calls public."""
        word = (kind or "").strip().casefold()
        if not word:
            return not self._profile.untyped_notes_public
        if word not in self._public and word not in _INTERNAL:
            self._reader.warn_once(
                f"notes of @type {kind!r} are kept from customers: see the profile (public_note_types)"
            )
        return word not in self._public
