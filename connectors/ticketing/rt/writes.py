"""Writing to Request Tracker: what is sent once, and what is read again to know what came of it.

RT says 200 or 201 to much that it does not do: a refused status or owner is a sentence in the user's language, and what
it has no place for is dropped. So no answer is believed by its status where a read can tell.
"""

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from connectors.errors import ConnectorError, Declined, Garbled, NotSupported, Reason, Rejected
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.nothing_sent import nothing_sent
from connectors.reading.rows import Identified, every_field
from connectors.reading.warn_once import WarnOnce
from connectors.ticketing.port import ONLY_THE_REASON, NewNote, NewTicket, StatusChange, TicketStatus
from connectors.ticketing.rt.client import REST2, RtList, custom_field, equals, ids_among, is_one_of
from connectors.ticketing.rt.fields import OF_TICKETS, OF_TRANSACTIONS, FieldValues, QueueFields, values_by_name
from connectors.ticketing.rt.new_ticket import kept_otherwise, refuse_what_has_no_place, refused_text, ticket_body
from connectors.ticketing.rt.options import RtOptions
from connectors.writes import WriteKey

NO_TICKET_KEY: Final = "The option key_field names no custom field that keeps the key of a ticket."
NO_NOTE_KEY: Final = "The option note_key_field names no custom field that keeps the key of a note."

_TRANSACTION: Final = re.compile(r"/transaction/[1-9][0-9]*$")
_NOT_PEOPLE: Final = frozenset({"nobody", "rt_system"})


class _State(Identified, rename="pascal"):
    """What a write to a ticket depends on."""

    status: str
    queue: Identified
    owner: Identified


class _Opened(Identified, rename="pascal"):
    """What became of a ticket that was opened."""

    subject: str | None = None
    requestors: list[Any] | str | None = None
    custom_fields: list[FieldValues] | str | None = None


class _Written(Identified, rename="pascal"):
    """A transaction, and the key that it was written with."""

    object_id: str | int
    object_type: str
    custom_fields: list[FieldValues] | str | None = None


class RtWrites:
    """The writes of the ticketing port over Request Tracker, and the reads that find them again."""

    def __init__(self, http: HttpClient, options: RtOptions, words: Mapping[str, TicketStatus]) -> None:
        self._http, self._options, self._words = http, options, words
        self._states = RtList(http, "tickets", _State, options.max_url, every_field(_State))
        self._opened = RtList(http, "tickets", _Opened, options.max_url, every_field(_Opened))
        self._written = RtList(http, "transactions", _Written, options.max_url, every_field(_Written))
        self._fields = QueueFields(http, options.max_url)
        self._warn_once = WarnOnce(http.name)
        self._created = msgspec.json.Decoder(Identified)
        self._said = msgspec.json.Decoder(list[str])
        self._key_was_dropped = False

    async def open_ticket(self, new: NewTicket, key: WriteKey) -> str:
        """Three calls, and one more for the first ticket in a queue."""
        options = self._options
        queue = refuse_what_has_no_place(self._http.name, options, new)
        wanted = [options.customer_field, *[options.service_field][: len(new.service_ids)]]
        wanted += [options.key_field] if options.key_field else []
        with nothing_sent():
            fields = await self._fields.must_have(await self._fields.queue_id(queue), OF_TICKETS, wanted)
        if len(new.service_ids) > 1 and fields[options.service_field].holds_one:
            raise self._declined("the field of services holds one", Reason.NOT_ALLOWED, "service_ids")
        if options.key_field and str(fields[options.key_field].unique_values) == "1":
            detail = f"the custom field {options.key_field!r} has UniqueValues: RT drops a key that it holds already"
            raise Rejected(self._http.name, f"{detail}; nothing was sent")
        body = msgspec.json.encode(ticket_body(options, queue, new, key))
        ticket_id = await self._http.send(Request.write("POST", f"{REST2}/ticket", body), self._id_of)
        await self._look_at(ticket_id, new, key)
        return ticket_id

    async def _look_at(self, ticket_id: str, new: NewTicket, key: WriteKey) -> None:
        """Tell the operator what RT has dropped. The ticket is there, whatever this read finds or fails with."""
        asked = dict.fromkeys(("Subject", "Requestors", "CustomFields"))
        try:
            page = await self._opened.everything(self._opened.question(equals("id", ticket_id), asked), [ticket_id])
        except ConnectorError as failure:
            self._warn_once(f"could not be asked what it has kept of a new ticket: {failure.code}")
            return
        for row in page.rows:
            if str(row.id) == ticket_id:
                held = values_by_name(row.custom_fields)
                dropped = kept_otherwise(self._options, new, key, row.subject, bool(row.requestors), held)
                self._key_was_dropped = self._options.key_field in dropped
                if dropped:
                    self._warn_once(f"has not kept what a ticket was opened with: {', '.join(dropped)}")

    async def ticket_opened_with(self, new: NewTicket, key: WriteKey) -> str | None:
        """One call; where nothing is found, the first time three.

        RT finds no ticket that was deleted, by whatever is asked for.
        """
        options = self._options
        if not options.key_field:
            raise NotSupported(self._http.name, NO_TICKET_KEY)
        query = is_one_of(custom_field(options.key_field), [key])
        page = await self._opened.everything(self._opened.question(query, {"CustomFields": None}), [])
        for row in page.rows:
            if key in values_by_name(row.custom_fields).get(options.key_field, ()):
                return str(row.id)
        if page.unreadable:
            raise Garbled(self._http.name, "the ticket with this key may be one that cannot be read")
        # RT finds nothing by a field that does not exist, or that the queue does not have, and says nothing.
        queue = refuse_what_has_no_place(self._http.name, options, new)
        await self._fields.must_have(await self._fields.known_id(queue), OF_TICKETS, [options.key_field])
        if self._key_was_dropped:
            raise NotSupported(self._http.name, "RT has dropped the key of the last ticket that was opened")
        return None

    async def add_note(self, note: NewNote, key: WriteKey) -> None:
        """Two calls, and one more for the first note in a queue.

        As for every reply, RT opens a ticket that is new or has ended when the note is not internal.
        """
        if not note.text.strip() or refused_text(note.text):
            raise self._declined("a note without a text, or with characters that RT drops", Reason.INVALID, "text")
        with nothing_sent():
            state = await self._state(note.ticket_id)
        text, author = note.text, " ".join(note.author.split())
        if author and not self._options.author_field:
            text, author = f"{author}:\n\n{text}", ""
        await self._say("comment" if note.internal else "correspond", note.ticket_id, state, text, key, author)

    async def has_note(self, note: NewNote, key: WriteKey) -> bool:
        """One call; where nothing is found, one more, and the first time two."""
        field = self._options.note_key_field
        if not field:
            raise NotSupported(self._http.name, NO_NOTE_KEY)
        if not ids_among([note.ticket_id]):
            return False
        query = f"{equals('TicketId', note.ticket_id)} AND {equals(custom_field(field), key)}"
        asked = dict.fromkeys(("ObjectId", "ObjectType", "CustomFields"))
        page = await self._written.everything(self._written.question(query, asked), [note.ticket_id])
        for row in page.rows:
            is_its = row.object_type == "RT::Ticket" and str(row.object_id) == note.ticket_id
            if is_its and key in values_by_name(row.custom_fields).get(field, ()):
                return True
        if page.unreadable:
            raise Garbled(self._http.name, "the note with this key may be one that cannot be read")
        try:
            state = await self._state(note.ticket_id)
        except Declined:
            return False
        await self._fields.must_have(str(state.queue.id), OF_TRANSACTIONS, [field])
        return False

    async def set_status(self, change: StatusChange, key: WriteKey) -> None:
        """Three calls, one where the ticket has the status.

        A reason is an internal comment, sent with the status: RT keeps it even where it refuses the status.
        """
        word = self._options.word_for(change.status)
        if word is None:
            raise self._declined(f"no status means {change.status.value}", Reason.NOT_ALLOWED, "status")
        if change.reason is not None and refused_text(change.reason):
            raise self._declined("a reason with characters that RT drops", Reason.INVALID, "reason")
        with nothing_sent():
            state = await self._state(change.ticket_id)
        if self._has(state, word, change.status):
            return
        if said := bool(change.reason and change.reason.strip()):
            await self._say("comment", change.ticket_id, state, change.reason or "", key, "", Status=word)
        else:
            await self._put(change.ticket_id, Status=word)
        if not self._has(await self._state_after(change.ticket_id), word, change.status):
            detail, sentence = f"no step from {state.status!r} to {word!r}", ONLY_THE_REASON if said else ""
            raise Declined(self._http.name, detail, Reason.WRONG_STATE, attribute="status", sentence=sentence)

    async def assign_ticket(self, ticket_id: str, assignee: str) -> None:
        """The assignee is a login name. Three calls, one where it is that person's."""
        wanted = assignee.casefold()
        if not assignee.strip() or assignee.isdigit() or wanted in _NOT_PEOPLE or refused_text(assignee):
            # RT takes a number for the id of whatever user has it, such as RT_System.
            raise self._declined("not a login name of a person", Reason.INVALID, "assignee")
        with nothing_sent():
            state = await self._state(ticket_id)
        if str(state.owner.id).casefold() == wanted:
            return
        await self._put(ticket_id, Owner=assignee)
        if str((await self._state_after(ticket_id)).owner.id).casefold() != wanted:
            raise self._declined("no such user, or one who may not own this ticket", Reason.INVALID, "assignee")

    async def _say(
        self, how: str, ticket_id: str, state: _State, text: str, key: WriteKey, author: str, **more: str
    ) -> None:
        """Write a comment or a reply, with its key."""
        named = {self._options.note_key_field: key, self._options.author_field: author}
        fields = {name: value for name, value in named.items() if name and value}
        with nothing_sent():
            await self._fields.must_have(str(state.queue.id), OF_TRANSACTIONS, fields)
        body = {"Content": text, "ContentType": "text/plain", "TxnCustomFields": fields, **more}
        target = f"{REST2}/ticket/{ticket_id}/{how}"
        request = Request.write("POST", target, msgspec.json.encode(body), [ticket_id], expected={400})
        await self._http.send(request, self._is_written)

    async def _put(self, ticket_id: str, **changes: str) -> None:
        target = f"{REST2}/ticket/{ticket_id}"
        await self._http.send(Request.write("PUT", target, msgspec.json.encode(changes), [ticket_id]), self._was_heard)

    async def _state(self, ticket_id: str) -> _State:
        """What the ticket is now. Raises `Declined` where there is none, or it was deleted or merged into another."""
        rows: list[_State] = []
        if ids_among([ticket_id]):
            asked = dict.fromkeys(("Status", "Queue", "Owner"))
            page = await self._states.everything(self._states.question(equals("id", ticket_id), asked), [ticket_id])
            rows = [row for row in page.rows if str(row.id) == ticket_id]
            if not rows and page.unreadable:
                raise Garbled(self._http.name, f"the ticket {ticket_id} cannot be read")
        if not rows:
            raise self._declined("no such ticket", Reason.NOT_FOUND, "ticket_id")
        return rows[0]

    async def _state_after(self, ticket_id: str) -> _State:
        """What the ticket is after a write: a failure of this read leaves it open whether that was done."""
        try:
            return await self._state(ticket_id)
        except ConnectorError as failure:
            unknown = failure.without_traceback()
            unknown.may_have_happened = True
            raise unknown from failure

    def _has(self, state: _State, word: str, status: TicketStatus) -> bool:
        now = state.status.casefold()
        return now == word.casefold() or self._words.get(now) is status

    def _declined(self, detail: str, reason: Reason, attribute: str) -> Declined:
        return Declined(self._http.name, detail, reason, attribute=attribute)

    def _id_of(self, answer: Answer) -> str:
        if answer.status == 404:
            raise Rejected(self._http.name, "no REST 2.0 there: the address is that of RT's own pages")
        return str(self._created.decode(answer.body).id)

    def _is_written(self, answer: Answer) -> None:
        if answer.status in (400, 404):
            raise self._declined("the message could not be recorded", Reason.NOT_FOUND, "ticket_id")
        if not _TRANSACTION.search(urlsplit(answer.headers.get("Location", "")).path):
            raise Garbled(self._http.name, f"{answer.status} to a message without the transaction that it became")

    def _was_heard(self, answer: Answer) -> None:
        if answer.status == 404:
            raise self._declined("no such ticket", Reason.NOT_FOUND, "ticket_id")
        self._said.decode(answer.body)  # sentences, or none: the ticket itself says what came of it
