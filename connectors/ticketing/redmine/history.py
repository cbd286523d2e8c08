"""The history of Redmine's issues: notes and files, which no list has. One call an issue.

Redmine makes two entries of a private note that comes with changes or files: those first, in an entry without a note
that everybody sees, and then the note. Whoever wrote a note through the gateway is named in the change of the custom
field `note_key_field` that comes with it.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from connectors.errors import Garbled
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.rows import Identified, RowDecoder, Unreadable, every_field
from connectors.records import Document
from connectors.ticketing.port import TicketNote
from connectors.ticketing.redmine.options import RedmineOptions

T = TypeVar("T")


class Person(msgspec.Struct, frozen=True):
    """Who wrote an entry."""

    name: str | None = None


class Detail(msgspec.Struct):
    """One change: `name` is the number of a custom field, or of a file."""

    property: str | None = None
    name: str | int | None = None
    new_value: Any = None


class Journal(Identified):
    """An entry of the history. One without a note is a mere change."""

    user: Person | None = None
    notes: str | None = None
    private_notes: bool | None = None
    created_on: str | None = None
    details: list[Detail] | None = None


class _Attachment(Identified):
    filename: str | None = None
    filesize: Any = None
    content_type: str | None = None


class _Held(Identified):
    name: str | None = None


class _Issue(Identified):
    journals: list[Journal]
    attachments: list[_Attachment]
    custom_fields: list[_Held] | None = None


class _Shown(msgspec.Struct):
    issue: msgspec.Raw


@dataclass(frozen=True, slots=True)
class History:
    """The notes and files of one ticket."""

    notes: tuple[TicketNote, ...] = ()
    attachments: tuple[Document, ...] = ()


@dataclass(frozen=True, slots=True)
class Entries:
    """The keys of an issue's changes, each with whether its note is shown; the notes' texts; whether keys are kept."""

    keys: Mapping[str, bool]
    texts: Set[str | None]
    keeps_keys: bool


NO_HISTORY: Final = History()
HISTORY_ATTRIBUTES: Final = frozenset({"notes", "attachments"})
"""Attributes of a ticket that are read from its history."""


def plain(text: str | None) -> str | None:
    """A text with line breaks as they were sent: Redmine writes CRLF into descriptions."""
    return text.replace("\r\n", "\n") if text else None


class Histories:
    """Reads the histories of issues."""

    def __init__(
        self,
        http: HttpClient,
        options: RedmineOptions,
        date: Callable[[str | None], datetime | None],
        warn: Callable[[str], None],
    ) -> None:
        self._http, self._date, self._key_field = http, date, options.note_key_field
        self._shown = msgspec.json.Decoder(_Shown)
        self._read = RowDecoder(_Issue, warn)
        self._looked_through = RowDecoder(_Issue, warn, every_field(_Issue))

    async def of(self, ticket: str) -> History:
        """The history of one issue. Raises `ConnectorError`."""
        history = await self._asked(ticket, self._read, self._history)
        if history is None:
            raise Garbled(self._http.name, f"the issue {ticket} went while it was read")
        return history

    async def entries(self, ticket: str) -> Entries | None:
        """What tells whether a note is there; None where there is no such issue. Raises `ConnectorError`."""
        return await self._asked(ticket, self._looked_through, self._entries)

    def _entries(self, issue: _Issue) -> Entries:
        journals = _in_order(issue)
        private = {_moment(one) for one in journals if _is_private_note(one)}
        shown = {
            self._mark(issue, one).partition(" ")[0]: bool(one.notes) or _moment(one) in private for one in journals
        }
        return Entries(shown, {plain(one.notes) for one in journals}, self._number(issue) is not None)

    async def _asked(self, ticket: str, decoder: RowDecoder[_Issue], read: Callable[[_Issue], T]) -> T | None:
        def shown(answer: Answer) -> T | None:
            if answer.status == 404 or answer.is_empty:
                return None
            issue = decoder.row(self._shown.decode(answer.body).issue)
            if isinstance(issue, Unreadable):
                raise Garbled(self._http.name, f"the issue {ticket} cannot be read")
            return read(issue)

        target = f"/issues/{ticket}.json?include=journals,attachments"
        return await self._http.send(Request.get(target, [ticket]), shown)

    def _history(self, issue: _Issue) -> History:
        journals = _in_order(issue)
        marks = {str(one.id): self._mark(issue, one) for one in journals}
        hidden: set[str] = set()
        claimed: set[str] = set()
        for note, parts in _split(journals):
            hidden.update(_files(note), *map(_files, parts))
            keyed = [str(part.id) for part in parts if marks[str(part.id)] and str(part.id) not in claimed]
            if len(keyed) == 1:  # of two notes at one moment it is not known who wrote which
                claimed.update(keyed)
                marks[str(note.id)] = marks[keyed[0]]
        return History(
            tuple(
                TicketNote(
                    id=str(one.id),
                    author=_author(one, marks[str(one.id)]),
                    text=plain(one.notes),
                    created_at=self._date(one.created_on),
                    internal=one.private_notes is not False,
                )
                for one in journals
                if one.notes
            ),
            tuple(
                Document(
                    id=str(file.id),
                    owner=str(issue.id),
                    name=file.filename,
                    mime_type=file.content_type or None,
                    size=file.filesize if isinstance(file.filesize, int) else None,
                    source=str(file.id),
                )
                for file in {str(one.id): one for one in issue.attachments}.values()
                if str(file.id) not in hidden
            ),
        )

    def _number(self, issue: _Issue) -> str | None:
        """The number of the custom field that keeps keys; None where the issue does not have it."""
        return next((str(one.id) for one in issue.custom_fields or () if one.name == self._key_field), None)

    def _mark(self, issue: _Issue, journal: Journal) -> str:
        """Key and author that a note was written with; "" without."""
        number = self._number(issue)
        for one in journal.details or ():
            if one.property == "cf" and str(one.name) == number and isinstance(one.new_value, str):
                return one.new_value
        return ""


def _in_order(issue: _Issue) -> list[Journal]:
    journals = {str(one.id): one for one in issue.journals}
    return sorted(journals.values(), key=lambda one: (len(str(one.id)), str(one.id)))


def _split(journals: Sequence[Journal]) -> list[tuple[Journal, list[Journal]]]:
    """Private notes, each with the entries that Redmine may have made of what came with it.

    That are those before it, by the same user at the same moment; entries of others may lie between them. Which of them
    it was is not known where there are several.
    """
    return [
        (note, [one for one in journals[:at] if not one.notes and _moment(one) == _moment(note)])
        for at, note in enumerate(journals)
        if _is_private_note(note)
    ]


def _files(journal: Journal) -> list[str]:
    return [str(one.name) for one in journal.details or () if one.property == "attachment"]


def _is_private_note(journal: Journal) -> bool:
    return bool(journal.notes) and journal.private_notes is not False


def _moment(journal: Journal) -> tuple[Person | None, str | None]:
    return journal.user, journal.created_on


def _author(journal: Journal, mark: str) -> str | None:
    """Who wrote a note: the caller for whom the gateway wrote it, else the user of Redmine."""
    return mark.partition(" ")[2] or (journal.user.name if journal.user else None) or None
