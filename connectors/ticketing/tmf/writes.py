"""Writes to ticketing systems that speak TM Forum v4 or v5 (TMF621), and whether one of them happened."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from connectors.errors import Declined, Garbled, NotSupported, Reason
from connectors.http.client import HttpClient
from connectors.reading.rows import Identified
from connectors.ticketing.port import NewNote, NewTicket, StatusChange, TicketSeverity, TicketStatus
from connectors.tmf.collection import Collection
from connectors.tmf.mapping import WholeRow
from connectors.tmf.profile import Profile
from connectors.tmf.query import Filters
from connectors.tmf.reader import Reader, enum_table
from connectors.tmf.refusals import Meaning
from connectors.tmf.shapes import RelatedParty, folded, id_of
from connectors.tmf.writes import Body, ResourceWriter
from connectors.writes import WriteKey

_MEANINGS: Final = (
    Meaning(re.compile(r"\bstatus\b|\bstate\b|transition|life ?cycle", re.I), Reason.WRONG_STATE, "status"),
)
_SERVICE_ROLE: Final = "affectedService"
_STATUS: Final = enum_table(TicketStatus)
_KEY: Final = re.compile(r"[0-9A-Za-z]{32}")
"""What a `WriteKey` looks like."""


class ExternalIdentifier(msgspec.Struct, gc=False):
    """v5's id of a ticket elsewhere."""

    id: str | int | None = None


class _OpenedRow(Identified, rename="camel", gc=False):
    """A ticket with the keys that it may have been opened with, in either version's place."""

    external_id: str | None = None
    external_identifier: list[ExternalIdentifier] | None = None
    description: str | None = None

    @property
    def keys(self) -> list[str]:
        """Ids of the ticket elsewhere."""
        named = [one.id for one in self.external_identifier or ()]
        return [str(one) for one in (self.external_id, *named) if one]


class _TicketRow(msgspec.Struct, rename="camel", gc=False):
    """What is looked at of a ticket before and after it is changed; items of arrays are written back as they came."""

    status: str | None = None
    note: list[msgspec.Raw] | None = None
    related_party: list[msgspec.Raw] | None = None


class _NoteRow(msgspec.Struct, gc=False):
    id: str | int | None = None
    text: str | None = None


class TicketWrites:
    """The part of the ticketing port that writes, over TM Forum v4 and v5."""

    def __init__(self, http: HttpClient, profile: Profile, reader: Reader, path: str) -> None:
        """`path` is where the version has its tickets."""
        self._system, self._writer = http.name, ResourceWriter(http, profile, path, "TroubleTicket", _MEANINGS)
        self._words = reader
        keyed = WholeRow(_OpenedRow, ["externalId", "externalIdentifier"])
        self._opened: Collection[_OpenedRow] = Collection(http, profile, path, keyed)
        self._key_filter = "externalIdentifier.id" if self._writer.is_v5 else "externalId"
        self._drops_keys = False

    def lacking(self) -> dict[str, str]:
        """What this installation's profile says cannot be written, or found out about, and why."""
        names = ("open_ticket", "add_note", "has_note", "set_status", "assign_ticket")
        found = dict.fromkeys(names, why) if (why := self._writer.read_only) else {}
        if why := why or self._keeps_no_key() or self._opened.askable.reason_unsupported(self._key_filter):
            found["ticket_opened_with"] = why
        return found

    def _must_have(self, method: str) -> None:
        if why := self.lacking().get(method):
            raise NotSupported(self._system, why)

    def _keeps_no_key(self) -> str | None:
        if self._drops_keys or self._key_filter.partition(".")[0] in self._writer.profile.absent:
            return "This installation does not keep the key with the ticket."
        return None

    async def open_ticket(self, new: NewTicket, key: WriteKey) -> str:
        self._must_have("open_ticket")
        profile, writer = self._writer.profile, self._writer
        said = {"description": "description"}
        if new.severity is TicketSeverity.UNKNOWN:
            raise Declined(self._system, "a severity that nobody knows", Reason.INVALID, attribute="severity")
        if new.severity is not None:
            said["severity"] = "severity"
        if new.kind is not None:
            said["ticketType"] = "kind"
        body: Body = {
            "name": new.name,
            "description": new.description,
            "severity": self._severity(profile.ticket_severity if new.severity is None else new.severity.value),
            "ticketType": self._words.own_word(profile.ticket_type if new.kind is None else new.kind),
            "relatedParty": [
                writer.party(new.customer_id, profile.party_roles[0] if profile.party_roles else "customer")
            ],
        }
        if new.service_ids:
            body["relatedEntity"] = [self._service(one) for one in new.service_ids]
            said["relatedEntity"] = "service_ids"
        if writer.is_v5:
            body["externalIdentifier"] = [
                {"@type": "ExternalIdentifier", "externalIdentifierType": "gatewayKey", "owner": "gateway", "id": key}
            ]
        else:
            body["externalId"] = key
        ident, made = await writer.create(body, key, said | {"name": "name"})
        self._look_for_key(ident, made)
        return ident

    def _severity(self, word: str) -> str:
        """A severity as the system spells it: with a capital, as TMF621's examples have it, where it has no word of its
        own for it.
        """
        own = self._words.own_word(word)
        return own.capitalize() if own == word and folded(word) in enum_table(TicketSeverity) else own

    def _service(self, ident: str) -> Body:
        entity = {"id": ident, "@referredType": "Service"}
        if not self._writer.is_v5:
            return {**entity, "role": _SERVICE_ROLE}
        return {"@type": "RelatedEntity", "role": _SERVICE_ROLE, "entity": {"@type": "EntityRef", **entity}}

    def _look_for_key(self, ident: str, made: bytes) -> None:
        """A new ticket that comes back with its description and without its key shows that the system drops the key."""
        try:
            row = msgspec.json.decode(made, type=_OpenedRow)
        except msgspec.MsgspecError:
            return
        if str(row.id) == ident and row.description and not row.keys:
            self._drops_keys = True
            self._words.warn_once(
                "tickets come back without the key that they were opened with: lost ones are not found"
            )

    async def ticket_opened_with(self, new: NewTicket, key: WriteKey) -> str | None:
        """The key is matched on the rows: a system may ignore the filter."""
        self._must_have("ticket_opened_with")
        filters: Filters = [(self._key_filter, [key])]
        page = await self._opened.drain(filters, fields=None, keys=[key])
        found = next((str(row.id) for row in page.rows if key in row.keys), None)
        if found is None and page.unreadable:
            raise Garbled(self._system, "a ticket that may be the one with the key cannot be read")
        return found

    async def add_note(self, note: NewNote, key: WriteKey) -> None:
        """The note's id is the key."""
        self._must_have("add_note")
        profile, writer = self._writer.profile, self._writer
        kind = profile.internal_note_type if note.internal else next(iter(profile.public_note_types), None)
        written: Body = {"id": key, "author": note.author, "date": _now(), "text": note.text}
        if kind is not None:
            written["@type"] = kind
        elif not profile.untyped_notes_public:
            raise Declined(self._system, "no @type of notes is public here", Reason.NOT_ALLOWED, attribute="internal")
        notes: list[Any] = [written]
        etag = None
        if profile.note_patch == "merge":
            before = await writer.existing(note.ticket_id, "ticket_id", _TicketRow)
            notes, etag = [*(before.row.note or ()), written], before.etag
            if _with_key(before.row.note, key):
                return
        after, _ = await writer.change(
            (note.ticket_id, "ticket_id"),
            {"note": notes},
            key,
            _TicketRow,
            {"note": "text"},
            tells=lambda row: row.note is not None,
            etag=etag,
        )
        if not _with_key(after.note, key) and not _with_text(after.note, note.text):
            raise Garbled(self._system, "the ticket came back without the note that was written")

    async def has_note(self, note: NewNote, key: WriteKey) -> bool:
        """Where the system gave a note of this text an id of its own, nobody can tell, whoever its author is."""
        row = (await self._writer.existing(note.ticket_id, "ticket_id", _TicketRow)).row
        if _with_key(row.note, key):
            return True
        if _with_text(row.note, note.text):
            raise NotSupported(self._system, "the ticket has a note of the same text, with an id that is no key")
        return False

    async def set_status(self, change: StatusChange, key: WriteKey) -> None:
        self._must_have("set_status")
        if change.status is TicketStatus.UNKNOWN:
            raise Declined(self._system, "a status that nobody knows", Reason.INVALID, attribute="status")
        before = await self._writer.existing(change.ticket_id, "ticket_id", _TicketRow)
        if self._status_of(before.row) is change.status:
            return
        body: Body = {"status": self._words.own_word(change.status.value)}
        said = {"statusChangeReason": "reason", "status": "status"}
        if change.reason is not None:
            body["statusChangeReason"] = change.reason
        after, is_through = await self._writer.change(
            (change.ticket_id, "ticket_id"),
            body,
            key,
            _TicketRow,
            said,
            tells=lambda row: row.status is not None,
            etag=before.etag,
        )
        if self._status_of(after) is change.status:
            return
        if is_through and after.status == before.row.status:
            detail = "the ticket kept its status, although the answer was a success"
            raise Declined(self._system, detail, Reason.WRONG_STATE, attribute="status")
        raise Garbled(self._system, "the ticket came back with a status that is not the one that was written")

    def _status_of(self, row: _TicketRow) -> TicketStatus:
        return self._words.decode_enum(_STATUS, row.status, TicketStatus.UNKNOWN)

    async def assign_ticket(self, ticket_id: str, assignee: str, key: WriteKey) -> None:
        """Who had the ticket before has it no longer; all other related parties stay."""
        before = await self._writer.existing(ticket_id, "ticket_id", _TicketRow)
        parties = before.row.related_party or []
        if self._assignees(parties) == [assignee]:
            return
        others = [one for one in parties if not self._is_assignee(one)]
        named = self._writer.party(assignee, self._writer.profile.assignee_role, "Individual")
        after, _ = await self._writer.change(
            (ticket_id, "ticket_id"),
            {"relatedParty": [*others, named]},
            key,
            _TicketRow,
            {"relatedParty": "assignee"},
            tells=lambda row: row.related_party is not None,
            etag=before.etag,
        )
        if assignee not in self._assignees(after.related_party or []):
            raise Garbled(self._system, "the ticket came back without the one to whom it was assigned")

    def _assignees(self, parties: Sequence[msgspec.Raw]) -> list[str | None]:
        return [id_of(_party(one).party) for one in parties if self._is_assignee(one)]

    def _is_assignee(self, party: msgspec.Raw) -> bool:
        return is_assignee(_party(party), self._writer.profile)


def is_assignee(party: RelatedParty, profile: Profile) -> bool:
    """Whether this is the party to whom a ticket is assigned, by its role."""
    return folded(profile.assignee_role) in (
        {folded(party.role), folded(party.party.kind)} if profile.party_type_is_role else {folded(party.role)}
    )


def _party(raw: msgspec.Raw) -> RelatedParty:
    try:
        return msgspec.json.decode(raw, type=RelatedParty)
    except msgspec.ValidationError:
        return RelatedParty()


def _note(raw: msgspec.Raw) -> _NoteRow:
    try:
        return msgspec.json.decode(raw, type=_NoteRow)
    except msgspec.ValidationError:
        return _NoteRow()


def _with_key(notes: Sequence[msgspec.Raw] | None, key: str) -> bool:
    return any(str(_note(one).id) == key for one in notes or ())


def _with_text(notes: Sequence[msgspec.Raw] | None, text: str) -> bool:
    """Whether there is a note of this text whose id is not the key of another write."""
    found = [one for one in map(_note, notes or ()) if _plain(one.text) == _plain(text)]
    return any(not _KEY.fullmatch(str(one.id)) for one in found)


def _plain(text: str | None) -> str:
    return " ".join((text or "").split())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
