"""Ticketing by TM Forum v4 and v5: TMF621 Trouble Ticket, TMF656 Service Problem."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, ClassVar, Final

from connectors.events.speaking import Telling
from connectors.files import ByteRange, File
from connectors.http.client import HttpClient
from connectors.reading.grouping import map_rows
from connectors.reading.order import Order
from connectors.records import Changed, Document, Fields, Found, Rows, Window
from connectors.ticketing.port import ENDED, Outage, OutageState, Ticket, TicketNote, TicketStatus
from connectors.ticketing.tmf.rows import OUTAGE, TICKET, NoteRow
from connectors.ticketing.tmf.writes import TicketWrites, is_assignee
from connectors.tmf.capabilities import RequiredFilter, existing, one_by_one, unsupported
from connectors.tmf.changes import Changes, unsupported_changes
from connectors.tmf.collection import Collection
from connectors.tmf.documents import open_attachment
from connectors.tmf.events import TmfEvents
from connectors.tmf.lists import all_under, list_page, page_under
from connectors.tmf.profile import Profile
from connectors.tmf.query import Filters
from connectors.tmf.reader import E, EnumDecoder, Reader, enum_table
from connectors.tmf.shapes import RelatedParty, id_of
from connectors.tmf.versions import SPELLINGS

_NEWEST_TICKET: Final = Order("-creationDate", "created_at")
_NEWEST_OUTAGE: Final = Order("-creationDate", "started_at")
_STATUS: Final = enum_table(TicketStatus)
_STATE: Final = enum_table(OutageState)
_OPEN: Final = [s.value for s in TicketStatus if s.value not in ENDED and s is not TicketStatus.UNKNOWN]
_INTERNAL: Final = frozenset({"internalnote", "work_notes"})
"""Usual types of internal notes, about which the operator need not be warned."""
_ENDED: Final = sorted(ENDED)


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
        problems = self._spelled.path("/tmf-api/serviceProblemManagement/v4/serviceProblem")
        ticket = TICKET.bound(
            self._reader,
            profile.version,
            status=self._states(lambda: self._tickets, _STATUS, TicketStatus.UNKNOWN).__getitem__,
            notes=lambda notes: tuple(map(self._note, notes or ())),
            assignee=self._assignee,
        )
        states = self._states(lambda: self._problems, _STATE, OutageState.UNKNOWN)
        outage = OUTAGE.bound(self._reader, profile.version, state=states.__getitem__)
        self._tickets = Collection(http, profile, tickets, ticket)
        self._problems = Collection(http, profile, problems, outage)
        self.events = TmfEvents(http.name, profile, [tickets, problems])
        questions: dict[str, Sequence[RequiredFilter]] = {
            "tickets_of_customers": [(self._tickets, self._spelled.filter("relatedParty.id"))],
            "tickets_of_services": [(self._tickets, self._spelled.filter("relatedEntity.id"))],
            "open_outages_of_services": [(self._problems, "affectedService.id")],
            "open_outages_of_resources": [(self._problems, "affectedResource.id")],
        }
        self._ticket_changes, self._outage_changes = (
            Changes(http, profile, self._reader, path, "creationDate", ["lastUpdate"]) for path in (tickets, problems)
        )
        self._unsupported = {
            **unsupported(
                questions,
                {Ticket: self._tickets, Outage: self._problems},
                {"tickets": self._tickets, "outages": self._problems, "outage_list": self._problems},
            ),
            **unsupported_changes({"tickets_changed": self._ticket_changes, "outages_changed": self._outage_changes}),
        }
        self.one_by_one = one_by_one(questions, {"tickets": self._tickets, "outages": self._problems})
        self._strange: set[Collection[Any]] = set()

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
        rows = existing(self._tickets, self._problems)
        page = await rows.page([], Window(0, 1), fields=fields)
        list(map(rows.record_factory(fields), page.rows))

    async def tickets(self, ids: Sequence[str], fields: Fields | None) -> Found[Ticket]:
        return map_rows(await self._tickets.by_ids(ids, fields), self._tickets.record_factory(fields))

    async def tickets_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None, *, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        filters = self._status(self._tickets, is_open)
        return await page_under(
            self._tickets,
            self._spelled.filter("relatedParty.id"),
            customer_ids,
            window if is_open is None or filters else None,
            lambda ticket: ticket.customer_ids,
            fields=_with_status(fields, is_open),
            order=_NEWEST_TICKET,
            filters=filters,
            wanted=lambda ticket: is_open is None or ticket.is_open is is_open,
        )

    async def tickets_of_services(
        self, service_ids: Sequence[str], fields: Fields | None, *, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        asked = _with_status(fields, is_open)
        return await all_under(
            self._tickets,
            self._spelled.filter("relatedEntity.id"),
            service_ids,
            lambda ticket: ticket.service_ids,
            fields=None if asked is None else asked | {"service_ids"},
            order=_NEWEST_TICKET,
            filters=self._status(self._tickets, is_open),
            wanted=lambda ticket: is_open is None or ticket.is_open is is_open,
        )

    async def outages(self, ids: Sequence[str], fields: Fields | None) -> Found[Outage]:
        return map_rows(await self._problems.by_ids(ids, fields), self._problems.record_factory(fields))

    async def outage_list(
        self,
        window: Window,
        fields: Fields | None,
        *,
        is_open: bool | None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Rows[Outage]:
        status = self._status(self._problems, is_open)
        dates = [(f"creationDate.{name}", [_utc(at)]) for name, at in (("gte", since), ("lt", until)) if at]
        asked = _with_status(fields, is_open)

        def wanted(outage: Outage) -> bool:
            if is_open is not None and outage.is_open is not is_open:
                return False
            began = outage.started_at
            return not dates or (
                began is not None and (since is None or began >= since) and (until is None or began < until)
            )

        def unclear(row: Any, outage: Outage) -> bool:
            is_other = is_open is not None and outage.is_open is not is_open
            return bool(dates) and not is_other and self._reader.is_unclear(row.creation_date)

        return await list_page(
            self._problems,
            [*status, *dates],
            window if is_open is None or status else None,
            fields=asked if asked is None or not dates else asked | {"started_at"},
            order=_NEWEST_OUTAGE,
            wanted=wanted,
            unclear=unclear,
        )

    async def open_outages_of_services(self, service_ids: Sequence[str], fields: Fields | None) -> Found[Rows[Outage]]:
        return await self._open_outages("affectedService.id", service_ids, "service_ids", fields)

    async def open_outages_of_resources(
        self, resource_ids: Sequence[str], fields: Fields | None
    ) -> Found[Rows[Outage]]:
        return await self._open_outages("affectedResource.id", resource_ids, "resource_ids", fields)

    async def tickets_changed(self, since: datetime | None) -> Sequence[Changed]:
        return await self._ticket_changes.since(since)

    async def outages_changed(self, since: datetime | None) -> Sequence[Changed]:
        return await self._outage_changes.since(since)

    async def _open_outages(
        self, parameter: str, keys: Sequence[str], attribute: str, fields: Fields | None
    ) -> Found[Rows[Outage]]:
        keys_of: Callable[[Outage], tuple[str, ...]] = attrgetter(attribute)
        return await all_under(
            self._problems,
            parameter,
            keys,
            keys_of,
            fields=None if fields is None else fields | {attribute, "is_open"},
            filters=self._status(self._problems, True),
            wanted=lambda outage: outage.is_open,
        )

    def open_document(
        self, document: Document, part: ByteRange | None = None
    ) -> AbstractAsyncContextManager[File | None]:
        return open_attachment(self.http, document, part)

    def _status(self, collection: Collection[Any], is_open: bool | None) -> Filters:
        """A filter by status; none if the system does not support it, and rows must be filtered here."""
        if is_open is None or not self._profile.status_filter or self._profile.id_list == "none":
            return ()
        if collection in self._strange:
            return ()
        return [("status", self._reader.spellings(_OPEN if is_open else _ENDED))]

    def _states(self, resource: Callable[[], Collection[Any]], table: Mapping[str, E], unknown: E) -> EnumDecoder[E]:
        """Statuses by their words.

        An unknown word counts as open, and a filter by the standard's words would miss such rows. After the first one,
        the resource is no longer filtered by status.
        """

        def read(word: str | None) -> E:
            found, collection = self._reader.decode_enum(table, word, unknown), resource()
            if found is unknown and word is not None and collection not in self._strange:
                self._strange.add(collection)
                collection.warn_once("has status words of its own, so it is no longer filtered on them: see `words`")
            return found

        return EnumDecoder(read, unknown)

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


def _with_status(fields: Fields | None, is_open: bool | None) -> Fields | None:
    return fields if fields is None or is_open is None else fields | {"is_open"}


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
