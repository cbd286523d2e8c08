"""Ticketing by Redmine 5: issues of one project, their notes and their files. Tested with 5.0.4.

Custom fields of an issue hold the customer number and the service number.
"""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, ClassVar, Final

from connectors.errors import ConnectorError, Garbled, TooMuch
from connectors.files import ByteRange, File
from connectors.http.client import HttpClient
from connectors.reading.changes import LAST, ChangesPage, TooManyChanges, newest_first
from connectors.reading.concurrently import run_concurrently
from connectors.reading.grouping import group_by_key, map_rows, match_ids
from connectors.reading.rows import Batch, Identified
from connectors.reading.warn_once import WarnOnce
from connectors.records import Changed, Document, Fields, Found, Rows, Window
from connectors.ticketing.port import NewNote, NewTicket, StatusChange, Ticket
from connectors.ticketing.redmine.client import (
    EVERY_STATUS,
    LAST_CHANGED,
    NEWEST,
    IssueList,
    condition,
    ids_among,
    values_among,
)
from connectors.ticketing.redmine.history import HISTORY_ATTRIBUTES, NO_HISTORY, Histories, History
from connectors.ticketing.redmine.installation import Installation
from connectors.ticketing.redmine.options import RedmineOptions
from connectors.ticketing.redmine.rows import IssueRow, Records, Words, values_of
from connectors.ticketing.redmine.writes import NO_NOTE_KEY, NO_TICKET_KEY, RedmineWrites
from connectors.writes import WriteKey

_ONE_BY_ONE: Final = "Redmine gives the history of one issue per call."


class _Issue(Identified):
    """An issue's row with its history."""

    row: IssueRow
    history: History


class RedmineTicketing:
    """The ticketing port over Redmine 5.

    The system's url is that of Redmine's own pages. Calls: one per 100 tickets by id; one per page of 100 tickets of
    customers or services, with some 100 keys. Notes or attachments take one more per ticket. The first
    question takes up to three more calls, for the numbers of custom fields and statuses.

    Redmine tells nobody of changes by itself: they are found by polling.
    """

    one_by_one: ClassVar[Mapping[str, str]] = {"Ticket.notes": _ONE_BY_ONE, "Ticket.attachments": _ONE_BY_ONE}

    def __init__(self, http: HttpClient, options: RedmineOptions) -> None:
        self.http, self._options = http, options
        self._words = Words(options)
        self._issues = IssueList(http, options)
        self._records = Records(WarnOnce(http.name, notice=http.health.notice), options, self._words)
        self._installation = Installation(http, options, self._issues)
        self._histories = Histories(http, options, self._records.date, self._issues.warn_once)
        self._writes = RedmineWrites(http, options, self._issues, self._installation, self._histories, self._words)
        self.unsupported: Mapping[str, str] = {
            **({} if options.key_field else {"ticket_opened_with": NO_TICKET_KEY}),
            **({} if options.note_key_field else {"has_note": NO_NOTE_KEY}),
        }

    async def probe(self) -> None:
        """Check the credentials, and that the project and the custom fields exist. Raises `ConnectorError`."""
        await self._installation.let_in()
        await self._installation.project()
        await self._installation.filter_by(self._options.customer_field)
        await self._installation.filter_by(self._options.service_field)

    async def tickets(self, ids: Sequence[str], fields: Fields | None) -> Found[Ticket]:
        """One call per 100 ids."""

        async def ask(part: Sequence[str]) -> Sequence[Batch[_Issue]]:
            question = condition("issue_id", "=", [",".join(part)])
            return await self._batches(part, question, fields, lambda row: [str(row.id)])

        batches = await self._asked(ids_among(ids), ask)
        return map_rows(match_ids(batches, self._unreadable), self._ticket)

    async def tickets_of_customers(
        self, customer_ids: Sequence[str], window: Window | None, fields: Fields | None, *, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        """One call for a window, or per 100 tickets of many customers."""
        name = self._options.customer_field
        if window is not None and len(customer_ids) == 1 and self._issues.chunks(values_among(customer_ids)).parts:
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
        """One call per 100 tickets. Redmine writes whole seconds: all that changed in the second of `since` come."""
        if since is None:
            return (await self._last_changed(EVERY_STATUS, Window(0, LAST))).changes
        since = since.astimezone(UTC).replace(microsecond=0)
        question = condition("updated_on", ">=", [f"{since:%Y-%m-%dT%H:%M:%SZ}"])

        async def read(window: Window) -> ChangesPage:
            return await self._last_changed(question, window)

        most = self.http.system.max_rows
        try:
            return await newest_first(read, since, self._issues.warn_once, asked="updated_on", sorts=True, most=most)
        except TooManyChanges as error:
            raise TooMuch(self.http.name, f"more than max_rows = {most} tickets changed since {since}") from error

    async def _last_changed(self, question: str, window: Window) -> ChangesPage:
        page = await self._issues.window(question, LAST_CHANGED, [], window)
        return ChangesPage(
            [
                Changed(id=str(row.id), changed_at=at, created_at=self._records.date(row.created_on))
                for row in page.rows
                if (at := self._records.date(row.updated_on)) is not None
            ],
            len(page.entries),
        )

    def open_document(
        self, document: Document, part: ByteRange | None = None
    ) -> AbstractAsyncContextManager[File | None]:
        """One call. Redmine sends the whole file, whatever part is asked for."""
        if not isinstance(document.source, str) or not ids_among([document.source]):
            raise TypeError(f"{document.owner} {document.id}: not a document of {self.http.name}'s own records")
        return self.http.stream(f"/attachments/download/{document.source}", part)

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
        """Redmine has no place for this key, nor needs one: the assignee is read."""
        await self._writes.assign_ticket(ticket_id, assignee)

    async def _window(
        self, name: str, key: str, window: Window, fields: Fields | None, is_open: bool | None
    ) -> Rows[Ticket] | None:
        """One window; None if it has unreadable or unrequested rows, and the complete list must be filtered here."""
        question = condition(await self._installation.filter_by(name), "=", [key]) + await self._status(is_open)
        page = await self._issues.window(question, NEWEST, [key], window)
        if not all(key in values_of(row, name) for row in page.rows):
            self._installation.forget()  # it ignores the filter: the field may have another number now
            return None
        if page.unreadable or not all(
            key in self._records.customers(row) and self._is_wanted(row, is_open) for row in page.rows
        ):
            return None
        if not page.entries and not page.total:
            await self._installation.let_in_where_public()
        issues, failed = await self._with_histories(page.rows, fields)
        for failure in failed.values():
            raise failure
        return Rows([self._ticket(one) for one in issues], window.offset, page.total, complete=False)

    async def _by_field(
        self, name: str, keys: Sequence[str], fields: Fields | None, is_open: bool | None
    ) -> Found[Rows[Ticket]]:
        asked = values_among(keys)
        if not asked:
            return {}

        async def ask(part: Sequence[str]) -> Sequence[Batch[_Issue]]:
            question = condition(field, "=", part) + status
            return await self._batches(part, question, fields, lambda row: values_of(row, name), name, is_open)

        try:
            field, status = await self._installation.filter_by(name), await self._status(is_open)
            batches = await self._asked(asked, ask)
            if not any(batch.rows or batch.failure or batch.unreadable for batch in batches):
                await self._installation.let_in_where_public()
        except ConnectorError as failure:
            return dict.fromkeys(asked, failure)
        theirs = self._options.customer_field == name
        return await group_by_key(
            batches,
            self._ticket,
            lambda ticket: ticket.customer_ids if theirs else ticket.service_ids,
            unreadable=self._unreadable,
        )

    async def _asked(
        self, keys: Sequence[str], ask: Callable[[Sequence[str]], Coroutine[Any, Any, Sequence[Batch[_Issue]]]]
    ) -> Sequence[Batch[_Issue]]:
        """What `ask` brings for each part of the keys that fits into a question."""
        chunks = self._issues.chunks(keys)
        found = await run_concurrently([ask(part) for part in chunks.parts])
        return [one for batches in found for one in batches] + [
            Batch([key], (), self._issues.too_long(key)) for key in chunks.too_long
        ]

    async def _batches(
        self,
        keys: Sequence[str],
        question: str,
        fields: Fields | None,
        keys_of: Callable[[IssueRow], Iterable[str]],
        field: str = "",
        is_open: bool | None = None,
    ) -> Sequence[Batch[_Issue]]:
        """The wanted issues that a question brings, newest first; and the keys whose histories could not be read.

        `field` is the custom field that was asked by: rows without one of its keys are news of the installation.
        """
        try:
            page = await self._issues.everything(question, keys)
        except ConnectorError as failure:
            if field and isinstance(failure, TooMuch):
                self._installation.forget()  # it may ignore the filter
            return [Batch(keys, (), failure)]
        asked = frozenset(keys)
        rows = [row for row in page.rows if asked.intersection(keys_of(row))]
        if field and len(rows) < len(page.rows):
            self._issues.warn_once(f"sends more than what has the asked {field}: let Redmine use it as a filter")
            self._installation.forget()
        wanted = [row for row in rows if self._is_wanted(row, is_open)]
        issues, failed = await self._with_histories(wanted, fields)
        failures = {key: failed[str(row.id)] for row in wanted if str(row.id) in failed for key in keys_of(row)}
        return [
            Batch([key for key in keys if key not in failures], _newest_first(issues), unreadable=page.unreadable),
            *(Batch([key], (), failures[key]) for key in keys if key in failures),
        ]

    async def _with_histories(
        self, rows: Sequence[IssueRow], fields: Fields | None
    ) -> tuple[list[_Issue], Mapping[str, ConnectorError]]:
        """The issues whose histories could be read, and by id the failures of the others."""
        if fields is not None and not HISTORY_ATTRIBUTES & fields:
            return [_Issue(row.id, row, NO_HISTORY) for row in rows], {}
        histories = await self.http.for_each([str(row.id) for row in rows], self._histories.of)
        pairs = list(zip(rows, histories, strict=True))
        return (
            [_Issue(row.id, row, history) for row, history in pairs if isinstance(history, History)],
            {str(row.id): history for row, history in pairs if isinstance(history, ConnectorError)},
        )

    def _ticket(self, issue: _Issue) -> Ticket:
        return self._records.ticket(issue.row, issue.history)

    def _unreadable(self, key: str) -> Garbled:
        return Garbled(self.http.name, f"the ticket {key} cannot be read")

    async def _status(self, is_open: bool | None) -> str:
        """The condition for open or ended tickets: none of the statuses that are the other thing.

        A status that was made later is in neither list, so that its issues come, and are looked at here.
        """
        statuses = [] if is_open is None else await self._installation.statuses()
        others = [str(one.id) for one in statuses if self._words.has_ended(one) is is_open]
        return f"&{condition('status_id', '!', others)}" if others else ""

    def _is_wanted(self, row: IssueRow, is_open: bool | None) -> bool:
        return is_open is None or (row.status is None or not self._words.has_ended(row.status)) is is_open


def _newest_first(issues: Iterable[_Issue]) -> list[_Issue]:
    """As Redmine sorts, in fractions of a second that it does not write: those of the same second by number."""
    return sorted(issues, key=lambda one: (one.row.created_on or "", int(one.id)), reverse=True)
