"""Writing to Redmine: what is sent once, and what is read again to know what came of it.

Redmine says 204 to much that it does not do: an unknown status, or what the user may not, is dropped without a word. So
no answer is believed by its status where a read can tell.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from connectors.errors import ConnectorError, Declined, Garbled, NotSupported, Reason, Rejected
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.nothing_sent import nothing_sent
from connectors.reading.rows import Identified
from connectors.reading.warn_once import WarnOnce
from connectors.ticketing.port import ONLY_THE_REASON, NewNote, NewTicket, StatusChange, TicketStatus
from connectors.ticketing.redmine.client import IssueList, condition, ids_among
from connectors.ticketing.redmine.history import Histories
from connectors.ticketing.redmine.installation import Installation
from connectors.ticketing.redmine.new_ticket import (
    field_values,
    kept_otherwise,
    refuse_what_has_no_place,
    refused_text,
)
from connectors.ticketing.redmine.options import RedmineOptions
from connectors.ticketing.redmine.rights import Rights
from connectors.ticketing.redmine.rows import FieldValue, IssueRow, Named, Status, Words, values_of
from connectors.writes import WriteKey

NO_TICKET_KEY: Final = "The option key_field names no custom field that keeps the key of a ticket."
NO_NOTE_KEY: Final = "The option note_key_field names no custom field that keeps the key of a note."


class _State(Identified):
    """What a write to an issue depends on."""

    project: Identified
    status: Status
    author: Named | None = None
    assigned_to: Named | None = None
    custom_fields: list[FieldValue] = []
    allowed_statuses: list[Status] | None = None


class _Shown(msgspec.Struct):
    issue: _State


class _Opened(msgspec.Struct):
    issue: IssueRow


class _Errors(msgspec.Struct):
    errors: list[str]


class RedmineWrites:
    """The writes of the ticketing port over Redmine, and the reads that find them again."""

    def __init__(
        self,
        http: HttpClient,
        options: RedmineOptions,
        issues: IssueList,
        installation: Installation,
        histories: Histories,
        words: Words,
    ) -> None:
        self._http, self._options, self._issues, self._words = http, options, issues, words
        self._installation, self._histories = installation, histories
        self._rights = Rights(http)
        self._warn_once = WarnOnce(http.name)
        self._shown, self._opened = msgspec.json.Decoder(_Shown), msgspec.json.Decoder(_Opened)
        self._errors = msgspec.json.Decoder(_Errors)
        self._key_was_dropped = self._note_key_was_dropped = False

    async def open_ticket(self, new: NewTicket, key: WriteKey) -> str:
        """One call; before the first ticket two more, and one for the first severity."""
        options = self._options
        category = refuse_what_has_no_place(self._http.name, options, new)
        with nothing_sent():
            body = await self._body(new, category, key)
        sent = msgspec.json.encode({"issue": body})
        row = await self._http.send(Request.write("POST", "/issues.json", sent, expected={422}), self._issue_of)
        dropped = kept_otherwise(options, new, key, row)
        self._key_was_dropped = options.key_field in dropped
        if dropped:
            self._installation.forget()  # a field may have another number now
            self._warn_once(f"has not kept what a ticket was opened with: {', '.join(dropped)}")
            if options.customer_field in dropped:
                await self._own(str(row.id), new, category, key)
        return str(row.id)

    async def _own(self, ticket_id: str, new: NewTicket, category: str, key: WriteKey) -> None:
        """Say again whose a ticket is that was opened and belongs to nobody. Raises `Garbled` where it stays so.

        Its opener could not read it, and a change that is dropped is answered like one that is made.
        """
        try:
            body = await self._body(new, category, key)
            await self._put(ticket_id, {"custom_fields": body["custom_fields"]})
            rows = (await self._issues.everything(condition("issue_id", "=", [ticket_id]), [])).rows
        except ConnectorError as error:
            raise Garbled(self._http.name, f"ticket {ticket_id} was opened and is nobody's: {error}") from error
        if not rows or self._options.customer_field in kept_otherwise(self._options, new, key, rows[0]):
            raise Garbled(self._http.name, f"ticket {ticket_id} was opened and is nobody's")

    async def _body(self, new: NewTicket, category: str, key: WriteKey) -> Mapping[str, Any]:
        options, project = self._options, await self._installation.project()
        tracker = self._named(options.tracker, project.trackers, "tracker")
        names = [options.customer_field, *[options.service_field][: len(new.service_ids)], options.key_field]
        fields = await self._installation.of_tracker([name for name in names if name], tracker)
        if len(set(new.service_ids)) > 1 and not fields[options.service_field].multiple:
            raise self._declined("the field of services holds one", Reason.NOT_ALLOWED, "service_ids")
        body = {
            "project_id": project.id,
            "tracker_id": tracker.id,
            "subject": new.name,
            "description": new.description,
            "custom_fields": field_values(options, fields, new, key),
        }
        if category:
            body["category_id"] = self._named(category, project.issue_categories, "category").id
        if new.severity is not None and (priority := options.priority_for(new.severity)):
            body["priority_id"] = self._named(priority, await self._installation.priorities(), "priority").id
        return body

    def _named(self, name: str, all_: Iterable[Named], kind: str) -> Named:
        """The one of this name; `Rejected` where there is none, because Redmine would take another."""
        for one in all_:
            if (one.name or "").casefold() == name.casefold():
                return one
        self._installation.forget()  # it may be made now
        raise Rejected(self._http.name, f"no {kind} {name!r} there: set the option; nothing was sent")

    async def ticket_opened_with(self, new: NewTicket, key: WriteKey) -> str | None:
        """One call; the first time one more."""
        field = self._options.key_field
        if not field:
            raise NotSupported(self._http.name, NO_TICKET_KEY)
        question = condition(await self._installation.filter_by(field), "=", [key])
        page = await self._issues.everything(question, [])
        for row in page.rows:
            if key in values_of(row, field):
                return str(row.id)
        if page.unreadable:
            raise Garbled(self._http.name, "the ticket with this key may be one that cannot be read")
        if page.rows:
            self._installation.forget()
            raise Rejected(self._http.name, f"it ignores the filter by {field!r}: let Redmine use it as a filter")
        if self._key_was_dropped:
            raise NotSupported(self._http.name, "Redmine has dropped the key of the last ticket that was opened")
        await self._installation.let_in_where_public()
        return None

    async def add_note(self, note: NewNote, key: WriteKey) -> None:
        """Three calls; an internal note one more, and one for each role that the gateway's user has.

        Redmine stores a private note as a public one where the user may not write private ones, so that is asked first.
        """
        if not note.text.strip() or refused_text(note.text):
            raise self._declined("a note without a text, or with a NUL", Reason.INVALID, "text")
        text, author = note.text, " ".join(note.author.replace("\0", "").split())
        if author and not self._options.note_key_field:
            text = f"{author}:\n\n{text}"
        with nothing_sent():
            state = await self._state(note.ticket_id)
            said = await self._saying(state, text, key, author, internal=note.internal)
        if not await self._put(note.ticket_id, said):
            raise Rejected(self._http.name, "it refused a note with 422")
        entries = await self._after(lambda: self._histories.entries(note.ticket_id))
        if entries is None:
            raise self._declined("no such ticket", Reason.NOT_FOUND, "ticket_id")
        self._note_key_was_dropped = key not in entries.keys
        if self._note_key_was_dropped or not (note.internal or entries.keys[key]):
            if text not in entries.texts:
                raise Rejected(self._http.name, "204 to a note that is not there: may the gateway's user add notes?")
            if self._options.note_key_field and self._note_key_was_dropped:
                self._warn_once("has not kept the key of a note: the gateway's user must be allowed to edit issues")

    async def has_note(self, note: NewNote, key: WriteKey) -> bool:
        """One call."""
        field = self._options.note_key_field
        if not field:
            raise NotSupported(self._http.name, NO_NOTE_KEY)
        entries = await self._histories.entries(note.ticket_id) if ids_among([note.ticket_id]) else None
        if entries is None:
            return False
        if key in entries.keys:  # who may not see private notes sees only that one came
            return note.internal or entries.keys[key]
        if not entries.keeps_keys:
            raise self._without_field(field)
        if self._note_key_was_dropped:
            raise NotSupported(self._http.name, "Redmine has dropped the key of the last note")
        return False

    async def set_status(self, change: StatusChange, key: WriteKey) -> None:
        """Three calls, one where the ticket has the status; with a reason as many more as an internal note has.

        A reason is an internal note, sent with the status, where Redmine says that the status may follow and the
        gateway's user may edit the issue. Where it drops the status all the same, the note may be there.
        """
        word = self._options.word_for(change.status)
        if word is None:
            raise self._declined(f"no status means {change.status.value}", Reason.NOT_ALLOWED, "status")
        if change.reason is not None and refused_text(change.reason):
            raise self._declined("a reason with a NUL", Reason.INVALID, "reason")
        with nothing_sent():
            state = await self._state(change.ticket_id)
            if self._has(state, word, change.status):
                return
            allowed = await self._installation.statuses() if state.allowed_statuses is None else state.allowed_statuses
            wanted = next((one for one in allowed if one.name.casefold() == word.casefold()), None)
            if wanted is None:
                raise self._no_step(state, word)
            reason = change.reason if change.reason and change.reason.strip() else ""
            said = await self._saying(state, reason, key, "", internal=True, changes=True) if reason else {}
        if not await self._put(change.ticket_id, {"status_id": wanted.id, **said}):
            raise self._no_step(state, word)
        if not self._has(await self._after(lambda: self._state(change.ticket_id)), word, change.status):
            entries = await self._after(lambda: self._histories.entries(change.ticket_id)) if said else None
            is_said = entries is not None and (key in entries.keys or reason in entries.texts)
            raise self._no_step(state, word, ONLY_THE_REASON if is_said else "")

    async def assign_ticket(self, ticket_id: str, assignee: str) -> None:
        """The assignee is the name of a member or a group of the project, or the ticket's author, as Redmine shows it.

        Four calls and more for a project of more than 100 members, one where it is theirs.
        """
        if not assignee.strip() or refused_text(assignee):
            raise self._declined("not a name", Reason.INVALID, "assignee")
        with nothing_sent():
            state = await self._state(ticket_id)
            if state.assigned_to and state.assigned_to.name == assignee:
                return
            people = await self._rights.members(str(state.project.id))
            people += [state.author] if state.author else []
            found = {str(one.id): one for one in people if one.name == assignee}
            if len(found) != 1:
                detail = f"{len(found)} members of the project have this name"
                raise self._declined(detail, Reason.INVALID, "assignee")
        [number] = found
        done = await self._put(ticket_id, {"assigned_to_id": int(number)})
        after = await self._after(lambda: self._state(ticket_id)) if done else state
        if after.assigned_to is None or str(after.assigned_to.id) != number:
            raise self._declined("somebody whom Redmine does not let have this ticket", Reason.INVALID, "assignee")

    async def _saying(
        self, state: _State, text: str, key: WriteKey, author: str, *, internal: bool, changes: bool = False
    ) -> Mapping[str, Any]:
        """A note with its key, for a PUT. Raises `Rejected` where it would lose the key or become public.

        `changes`: it comes with a change. Redmine would keep the note without it where the user may not edit the issue.
        """
        granted = await self._rights.in_project(str(state.project.id)) if internal or changes else None
        if internal and granted is not None and not granted.writes_private_notes:
            detail = "the gateway's user may not write private notes, and Redmine would show them to everybody"
            raise Rejected(self._http.name, f"{detail}: nothing was sent")
        if changes and granted is not None and not granted.edits(state.author):
            detail = "the gateway's user may not edit this issue, and Redmine would keep the note alone"
            raise Rejected(self._http.name, f"{detail}: nothing was sent")
        said: dict[str, Any] = {"notes": text, "private_notes": internal}
        if name := self._options.note_key_field:
            number = next((one.id for one in state.custom_fields if one.name == name), None)
            if number is None:
                raise self._without_field(name)
            said["custom_fields"] = [{"id": number, "value": f"{key} {author}".rstrip()}]
        return said

    def _without_field(self, name: str) -> Rejected:
        detail = f"the ticket has no custom field {name!r} that keeps the key"
        return Rejected(self._http.name, f"{detail}: give it to the project and the tracker; nothing was sent")

    async def _put(self, ticket_id: str, changes: Mapping[str, Any]) -> bool:
        """Send changes. False where Redmine refuses them with a reason in words."""
        body = msgspec.json.encode({"issue": changes})
        target = f"/issues/{ticket_id}.json"
        return await self._http.send(Request.write("PUT", target, body, [ticket_id], expected={422}), self._is_taken)

    def _is_taken(self, answer: Answer) -> bool:
        if answer.status == 404:
            raise self._declined("no such ticket", Reason.NOT_FOUND, "ticket_id")
        if answer.status == 422:
            if not self._errors.decode(answer.body).errors:
                raise Declined(self._http.name, "somebody else changed the issue meanwhile", Reason.CONFLICT)
            return False
        if not answer.is_empty:
            raise Garbled(self._http.name, f"{answer.status} with a body to a change, where 204 is right")
        return True

    async def _state(self, ticket_id: str) -> _State:
        """What the ticket is now. Raises `Declined` where there is none."""
        if not ids_among([ticket_id]):
            raise self._declined("no such ticket", Reason.NOT_FOUND, "ticket_id")
        target = f"/issues/{ticket_id}.json?include=allowed_statuses"
        return await self._http.send(Request.get(target, [ticket_id]), self._state_of)

    def _state_of(self, answer: Answer) -> _State:
        if answer.status == 404:
            raise self._declined("no such ticket", Reason.NOT_FOUND, "ticket_id")
        return self._shown.decode(answer.body).issue

    async def _after(self, read: Any) -> Any:
        """A read after a write: if it fails, that leaves it open whether the write was done."""
        try:
            return await read()
        except ConnectorError as failure:
            unknown = failure.without_traceback()
            unknown.may_have_happened = True
            raise unknown from failure

    def _has(self, state: _State, word: str, status: TicketStatus) -> bool:
        return state.status.name.casefold() == word.casefold() or self._words.status(state.status) is status

    def _no_step(self, state: _State, word: str, sentence: str = "") -> Declined:
        detail = f"no step from {state.status.name!r} to {word!r}"
        return Declined(self._http.name, detail, Reason.WRONG_STATE, attribute="status", sentence=sentence)

    def _declined(self, detail: str, reason: Reason, attribute: str) -> Declined:
        return Declined(self._http.name, detail, reason, attribute=attribute)

    def _issue_of(self, answer: Answer) -> IssueRow:
        if answer.status == 404:
            raise Rejected(self._http.name, "no Redmine there: the address is that of its own pages")
        if answer.status == 422:
            reasons = "; ".join(self._errors.decode(answer.body).errors)
            raise Rejected(self._http.name, f"it does not take a ticket: {reasons:.200}")
        return self._opened.decode(answer.body).issue
