"""The history of Request Tracker's tickets: transactions with their texts and files.

The description is the text of the `Create` transaction; notes are `Correspond` (for the customer) and `Comment`
(internal) transactions. Two calls read them for many tickets, three with files.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from typing import Any, Final

import msgspec

from connectors.errors import Garbled
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.base64 import base64_bytes
from connectors.reading.concurrently import run_concurrently
from connectors.reading.rows import Identified
from connectors.records import Document, Fields
from connectors.ticketing.port import TicketNote
from connectors.ticketing.rt.client import PAGE, REST2, RtList, json_query
from connectors.ticketing.rt.fields import FieldValues, values_by_name
from connectors.ticketing.rt.options import RtOptions


class User(msgspec.Struct):
    """The author of a transaction. `id` is the login name."""

    id: str | int | None = None
    real_name: str | None = msgspec.field(name="RealName", default=None)


class _Transaction(Identified, rename="pascal"):
    object_id: str | int
    object_type: str
    type: str
    created: str | None = None
    creator: User | str | None = None
    custom_fields: list[FieldValues] | str | None = None


class _Attachment(Identified, rename="pascal"):
    transaction_id: str | int
    content_type: str | None = None
    filename: str | None = None
    content: str | None = None


class _File(msgspec.Struct, rename="pascal"):
    content: str | None = None


@dataclass(frozen=True, slots=True)
class History:
    """The requested parts of one ticket's history."""

    description: str | None = None
    notes: tuple[TicketNote, ...] = ()
    attachments: tuple[Document, ...] = ()


NO_HISTORY: Final = History()
HISTORY_ATTRIBUTES: Final = frozenset({"description", "notes", "attachments"})
"""Attributes of a ticket that are read from its history."""

_TYPES: Final[Mapping[str, Sequence[str]]] = {
    "description": ["Create"],
    "notes": ["Correspond", "Comment"],
    # Without files of comments, because a document cannot be marked as internal.
    "attachments": ["Create", "Correspond"],
}
_TEXTS: Final = ["text/plain", "text/html"]
_IS_TEXT: Final[Sequence[Mapping[str, Any]]] = (
    {"field": "ContentType", "operator": "IN", "value": _TEXTS},
    {"field": "Filename", "operator": "IS", "value": "NULL"},
    {"field": "Filename", "value": "", "entry_aggregator": "OR"},
)
_IS_FILE: Final[Sequence[Mapping[str, Any]]] = ({"field": "Filename", "operator": "!=", "value": ""},)
_TRANSACTION: Final = {"ObjectId": None, "ObjectType": None, "Type": None, "Created": None, "Creator": "RealName"}
_BODY: Final = {"TransactionId": None, "ContentType": None, "Filename": None, "Content": None}
_FILE: Final = {"TransactionId": None, "ContentType": None, "Filename": None}


class Histories:
    """Reads the histories of many tickets at once."""

    def __init__(self, http: HttpClient, options: RtOptions, date: Callable[[str | None], datetime | None]) -> None:
        self._http, self._date, self._author_field = http, date, options.author_field
        self._asked = _TRANSACTION | ({"CustomFields": None} if options.author_field else {})
        max_url = options.max_url
        self._transactions = RtList(http, "transactions", _Transaction, max_url, ["ObjectId", "ObjectType", "Type"])
        self._attachments = RtList(http, "attachments", _Attachment, max_url, ["TransactionId"])
        self._file = msgspec.json.Decoder(_File)

    async def by_ticket(self, tickets: Sequence[str], fields: Fields | None) -> Mapping[str, History]:
        """Histories by ticket. Raises `ConnectorError`."""
        wanted = HISTORY_ATTRIBUTES if fields is None else HISTORY_ATTRIBUTES & fields
        if not wanted or not tickets:
            return {}
        parts = _parts(self._transactions, tickets, self._question([], wanted), PAGE)
        found = await run_concurrently([self._read(part, wanted) for part in parts])
        return {ticket: history for part in found for ticket, history in part.items()}

    async def _read(self, tickets: Sequence[str], wanted: Fields) -> Mapping[str, History]:
        transactions = await self._transactions_of(tickets, wanted)
        bodies_of = [str(one.id) for one in transactions if wanted - {"attachments"} and _has_text(one, wanted)]
        files_of = [
            str(one.id) for one in transactions if "attachments" in wanted and one.type in _TYPES["attachments"]
        ]
        texts, named = await run_concurrently(
            [self._belonging(bodies_of, _IS_TEXT, _BODY), self._belonging(files_of, _IS_FILE, _FILE)]
        )
        bodies, files = _bodies(texts), _files(named)
        by_ticket = defaultdict[str, list[_Transaction]](list)
        for one in transactions:
            by_ticket[str(one.object_id)].append(one)
        return {ticket: self._history(ticket, ones, bodies, files, wanted) for ticket, ones in by_ticket.items()}

    def _question(self, tickets: Sequence[str], wanted: Fields) -> str:
        query = json_query(
            {"field": "ObjectType", "value": "RT::Ticket"},  # ids of other objects are the same numbers
            {"field": "ObjectId", "operator": "IN", "value": tickets},
            {"field": "Type", "operator": "IN", "value": sorted(_types(wanted))},
        )
        return self._transactions.question(query, self._asked)

    async def _transactions_of(self, tickets: Sequence[str], wanted: Fields) -> list[_Transaction]:
        asked, types = frozenset(tickets), _types(wanted)
        rows = (await self._transactions.everything(self._question(tickets, wanted), tickets)).rows
        return [
            row for row in rows if row.object_type == "RT::Ticket" and str(row.object_id) in asked and row.type in types
        ]

    async def _belonging(
        self, transactions: Sequence[str], conditions: Sequence[Mapping[str, Any]], fields: Mapping[str, str | None]
    ) -> list[_Attachment]:
        if not transactions:
            return []
        asked = frozenset(transactions)

        def question(keys: Sequence[str]) -> str:
            theirs = {"field": "TransactionId", "operator": "IN", "value": keys}
            return self._attachments.question(json_query(theirs, *conditions), fields)

        parts = _parts(self._attachments, transactions, question([]))
        pages = await run_concurrently([self._attachments.everything(question(part), part) for part in parts])
        return [row for page in pages for row in page.rows if str(row.transaction_id) in asked]

    def _history(
        self,
        ticket: str,
        transactions: Sequence[_Transaction],
        bodies: Mapping[str, str],
        files: Mapping[str, Sequence[_Attachment]],
        wanted: Fields,
    ) -> History:
        created = next((one for one in transactions if one.type == "Create"), None)
        return History(
            description=bodies.get(str(created.id)) if created and "description" in wanted else None,
            notes=tuple(
                TicketNote(
                    author=self._author(one),
                    text=bodies.get(str(one.id)),
                    created_at=self._date(one.created),
                    internal=one.type != "Correspond",
                    id=str(one.id),
                )
                for one in transactions
                if one.type != "Create" and "notes" in wanted
            ),
            attachments=tuple(
                Document(
                    id=str(file.id),
                    owner=ticket,
                    name=file.filename,
                    mime_type=file.content_type or None,
                    source=str(file.id),
                )
                for one in transactions
                for file in files.get(str(one.id), ())
            ),
        )

    def _author(self, transaction: _Transaction) -> str | None:
        """Who wrote a note: the caller for whom the gateway wrote it, else the user of RT."""
        for name in values_by_name(transaction.custom_fields).get(self._author_field, ()):
            return name
        user = transaction.creator
        if isinstance(user, User):
            return user.real_name or (None if user.id is None else str(user.id))
        return user or None

    async def file(self, key: str) -> bytes | None:
        """A file's bytes; None if it is gone. RT sends base64 in JSON, so `max_bytes` limits the file."""
        return await self._http.send(Request.get(f"{REST2}/attachment/{key}", [key]), self._bytes_of)

    def _bytes_of(self, answer: Answer) -> bytes | None:
        if answer.status == 404:
            return None
        content = self._file.decode(answer.body).content
        if content is None:
            raise Garbled(self._http.name, f"{REST2}/attachment has no Content")
        return base64_bytes(content)


def _parts(
    collection: RtList[Any], ids: Sequence[str], question: str, most: int = sys.maxsize
) -> Sequence[Sequence[str]]:
    """Ids in parts that fit into one URL each, as a JSON list. Raises `Rejected` if an id is too long for a URL."""
    found = collection.chunks(ids, question, lambda key: f'"{key}"', ",", most)
    for key in found.too_long:
        raise collection.too_long(key)
    return found.parts


def _types(wanted: Fields) -> Set[str]:
    """The types of transactions that hold the requested attributes."""
    return {kind for name in wanted for kind in _TYPES[name]}


def _has_text(transaction: _Transaction, wanted: Fields) -> bool:
    return any(transaction.type in _TYPES[name] for name in wanted - {"attachments"})


def _bodies(rows: Sequence[_Attachment]) -> Mapping[str, str]:
    """The text of each transaction: its first plain text, else its first HTML text without tags."""
    best: dict[str, _Attachment] = {}
    for row in rows:
        if row.filename or row.content_type not in _TEXTS or row.content is None:
            continue
        known = best.setdefault(str(row.transaction_id), row)
        if known.content_type == "text/html" and row.content_type == "text/plain":
            best[str(row.transaction_id)] = row
    return {key: _text(row) for key, row in best.items()}


def _files(rows: Sequence[_Attachment]) -> Mapping[str, Sequence[_Attachment]]:
    """The files of each transaction."""
    found = defaultdict[str, list[_Attachment]](list)
    for row in rows:
        if row.filename:
            found[str(row.transaction_id)].append(row)
    return found


class _Plain(HTMLParser):
    """The text of an HTML body; paragraphs and line breaks become line breaks."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("br", "p", "div", "li", "tr"):
            self.parts.append("\n")


def _text(row: _Attachment) -> str:
    content = row.content or ""
    if row.content_type != "text/html":
        return content
    plain = _Plain()
    plain.feed(content)
    plain.close()
    return "".join(plain.parts).strip()
