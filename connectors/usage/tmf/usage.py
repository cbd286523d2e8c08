"""TMF677: usage of allowances. v4 answers a task (queryUsageConsumption), v5 has reports that can be listed.

Both take many customers in one request. Buckets are matched to customers by the parties in the bucket or its row.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol
from urllib.parse import quote

import msgspec

from connectors.errors import ConnectorError, Failed, Garbled, NotSupported, Rejected
from connectors.http.client import HttpClient
from connectors.http.request import Answer, Request
from connectors.reading.concurrently import run_concurrently
from connectors.reading.lenient import LenientReader
from connectors.reading.repair import REPLACED
from connectors.reading.rows import Identified
from connectors.records import Found, Known, Owners, Rows, Unnamed, Window
from connectors.tmf.capabilities import RequiredFilter
from connectors.tmf.collection import Collection
from connectors.tmf.mapping import WholeRow
from connectors.tmf.profile import Profile
from connectors.tmf.reader import Reader
from connectors.tmf.shapes import Array, Quantity, RelatedParty, TimePeriod, folded
from connectors.tmf.versions import SPELLINGS
from connectors.usage.port import UsageAllowance

_TASK: Final = "/tmf-api/usageConsumption/v4/queryUsageConsumption"
_REPORT: Final = "/tmf-api/usageConsumption/v4/usageConsumptionReport"
_NOBODY: Final = "-"
_POLLS: Final = 20
_PAUSE: Final = 0.1
_UNDER_WAY: Final = frozenset({"accepted", "inprogress"})
_ENDED_BADLY: Final = frozenset({"terminatedwitherror", "failed", "rejected", "cancelled"})
_PARTIES: Final = frozenset({"relatedParty"})


class _Counter(msgspec.Struct, rename="camel"):
    counter_type: str | None = None
    value: Quantity | None = None


class _Bucket(msgspec.Struct, rename="camel"):
    id: str | int | None = None
    name: str | None = None
    usage_type: str | None = None
    remaining_value: Quantity | None = None
    bucket_counter: Array[_Counter] = None
    related_party: Array[RelatedParty] = None
    valid_for: TimePeriod | None = None


class _Consumption(msgspec.Struct, rename="camel"):
    """The result of a v4 task, with the shape of a report."""

    state: str | None = None
    bucket: Array[msgspec.Raw] = None
    bucket_ref_or_value: Array[msgspec.Raw] = None
    related_party: Array[RelatedParty] = None


class _Report(Identified, rename="camel"):
    bucket: Array[msgspec.Raw] = None
    bucket_ref_or_value: Array[msgspec.Raw] = None
    related_party: Array[RelatedParty] = None


class _Task(msgspec.Struct, rename="camel"):
    """A v4 task. Its parts are decoded one by one, so that one that cannot be read costs only itself."""

    id: str | int | None = None
    state: Any = None
    usage_consumption: Array[msgspec.Raw] = None


class _Done(msgspec.Struct):
    """What came of a task, and how many of its parts could not be read. `state`: the task's own, where it has one."""

    id: str | int | None
    state: str
    consumptions: list[_Consumption]
    unread: int

    @property
    def is_under_way(self) -> bool:
        return any(state in _UNDER_WAY for state in (self.state, *(folded(one.state) for one in self.consumptions)))


class _Buckets:
    """Allowances by customer, of the buckets of reports. A bucket that cannot be read is counted in `unread`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._decode = _read_with(_Bucket, reader)

    def by_customer(
        self, rows: Iterable[_Consumption | _Report], asked: Iterable[str]
    ) -> tuple[dict[str, list[UsageAllowance]], int]:
        keys, groups = frozenset(asked), defaultdict[str, list[UsageAllowance]](list)
        unread = 0
        for number, row in enumerate(rows):
            for place, raw in enumerate(row.bucket or row.bucket_ref_or_value or ()):
                bucket: _Bucket | None = self._decode(bytes(raw))
                if bucket is None:
                    unread += 1
                    continue
                owners = self._owners(bucket, row, keys)
                named = row.id if isinstance(row, _Report) else number or ""
                allowance = _allowance(self._reader, bucket, owners, f"{named}-{place}")
                for key in keys.intersection(allowance.customer_ids):
                    if bucket.id is None or allowance not in groups[key]:  # some systems send a bucket twice
                        groups[key].append(allowance)
        return groups, unread

    def _owners(self, bucket: _Bucket, row: _Consumption | _Report, asked: frozenset[str]) -> Owners:
        owners, parties = self._reader.owners(bucket.related_party), bucket.related_party
        if isinstance(owners, Unnamed):
            owners, parties = self._reader.owners(row.related_party), parties or row.related_party
        if not parties:
            self._reader.warn_once("sends usage without related parties, so it belongs to no customer and is not shown")
        elif not isinstance(owners, Known):
            self._reader.explain_unowned(parties, asked, "usage")
        return owners


def _read_with(kind: type[Any], reader: Reader) -> Callable[[bytes], Any]:
    """A function that reads JSON as this type, leniently where it must; None where its owner cannot be read."""
    strictly = msgspec.json.Decoder(kind).decode
    leniently = LenientReader(kind, _PARTIES, lambda what: reader.warn_once(f"queryUsageConsumption {what}")).read

    def read(raw: bytes) -> Any:
        if REPLACED not in raw:
            try:
                return strictly(raw)
            except (msgspec.ValidationError, UnicodeDecodeError):
                pass  # leniently
        return leniently(raw)

    return read


class Usage(Protocol):
    """Reads usage by one version of TMF677."""

    @property
    def needs(self) -> Sequence[RequiredFilter]:
        """The filters that the system must support."""

    @property
    def reason_missing(self) -> str | None:
        """Why nothing can be asked; None if the installation has the API."""

    @property
    def one_call_per_customer(self) -> bool:
        """Whether each customer takes a call, for another reason than the filters in `needs`."""

    async def of_customers(self, customer_ids: Sequence[str]) -> Found[Rows[UsageAllowance]]:
        """Allowances per customer; a customer without any is absent."""

    async def probe(self) -> None:
        """Make one cheap read. Raises `ConnectorError`."""


def usage(http: HttpClient, profile: Profile, reader: Reader) -> Usage:
    """The reader for the profile's version."""
    return (UsageReports if profile.version == "v5" else UsageQuery)(http, profile, reader)


class UsageReports:
    """v5: reports are a resource like any other, filtered by party."""

    def __init__(self, http: HttpClient, profile: Profile, reader: Reader) -> None:
        spelled = SPELLINGS[profile.version]
        self._buckets = _Buckets(reader)
        self._party = spelled.filter("relatedParty.id")
        self._reports: Collection[_Report] = Collection(
            http, profile, spelled.path(_REPORT), WholeRow(_Report, _PARTIES)
        )
        self.needs: Sequence[RequiredFilter] = [(self._reports, self._party)]
        self.one_call_per_customer = False  # by what it needs
        self.reason_missing = self._reports.askable.reason_missing

    async def of_customers(self, customer_ids: Sequence[str]) -> Found[Rows[UsageAllowance]]:
        """Allowances per customer; totals are None for all customers of a request with an unreadable report."""
        found: dict[str, Rows[UsageAllowance] | ConnectorError] = {}
        for batch in await self._reports.by_keys(self._party, customer_ids, fields=None):
            if batch.failure:
                found.update(dict.fromkeys(batch.keys, batch.failure))
                continue
            groups, unread = self._buckets.by_customer(batch.rows, batch.keys)
            unread += len(batch.unreadable)
            found.update(_rows(groups, batch.keys, unread, self._reports.unreadable))
        return found

    async def probe(self) -> None:
        """Read one report's id."""
        await self._reports.page([], Window(0, 1), fields=frozenset())


class UsageQuery:
    """v4: a task, asked for many customers at once, and polled until it is done."""

    def __init__(self, http: HttpClient, profile: Profile, reader: Reader) -> None:
        self._http, self._profile, self._reader = http, profile.for_resource(_TASK), reader
        self._buckets, self._consumption = _Buckets(reader), _read_with(_Consumption, reader)
        self.needs: Sequence[RequiredFilter] = ()
        self.one_call_per_customer = self._profile.id_list == "none"
        self._path = profile.path(SPELLINGS[profile.version].path(_TASK))
        self.reason_missing = (
            None if self._profile.exists else "This installation has no API for queryUsageConsumption."
        )

    async def of_customers(self, customer_ids: Sequence[str]) -> Found[Rows[UsageAllowance]]:
        """Allowances per customer; a customer without any is absent."""
        if self.reason_missing:
            raise NotSupported(self._http.name, self.reason_missing)
        most = 1 if self.one_call_per_customer else self._profile.max_keys
        keys = [key for key in dict.fromkeys(customer_ids) if key]
        chunks = [keys[start : start + most] for start in range(0, len(keys), most)]
        found: dict[str, Rows[UsageAllowance] | ConnectorError] = {}
        for chunk, answer in zip(chunks, await run_concurrently([self._ask(chunk) for chunk in chunks]), strict=True):
            if isinstance(answer, ConnectorError):
                found.update(dict.fromkeys(chunk, answer))
            else:
                found.update(self._by_customer(answer, chunk))
        return found

    async def probe(self) -> None:
        """Ask about a customer that cannot be: there is nothing that lists usage."""
        if isinstance(answer := await self._ask([_NOBODY]), ConnectorError):
            raise answer

    def _by_customer(self, done: _Done, asked: Sequence[str]) -> Found[Rows[UsageAllowance]]:
        ended_badly = [one for one in done.consumptions if folded(one.state) in _ENDED_BADLY]
        whole = [one for one in done.consumptions if one not in ended_badly]
        groups, unread = self._buckets.by_customer(whole, asked)
        unread += done.unread
        found = dict(_rows(groups, asked, unread, self._unreadable))
        for one in ended_badly:
            failure = Failed(self._http.name, f"{self._path} ended with {one.state!r:.40}")
            named = self._reader.owners(one.related_party)
            failed = named.ids if isinstance(named, Known) else asked
            found.update({key: failure for key in failed if key in asked})
        return found

    def _unreadable(self, key: str) -> Garbled:
        return Garbled(self._http.name, f"{self._path}: none of the usage of {key[:100]!r} can be read")

    async def _ask(self, customer_ids: Sequence[str]) -> _Done | ConnectorError:
        parties = [{"id": key, "role": "customer", "@referredType": "Customer"} for key in customer_ids]
        body = msgspec.json.encode({"searchCriteria": {"relatedParty": parties}, "relatedParty": parties})
        try:
            task = await self._http.send(Request.query(self._path, body, customer_ids), self._task)
            for _ in range(_POLLS):
                if not task.is_under_way:
                    return task
                await asyncio.sleep(_PAUSE)  # the standard offers polling or an event, nothing to wait on
                target = f"{self._path}/{quote(str(task.id), safe='')}"
                task = await self._http.send(Request.get(target, customer_ids), self._task)
        except ConnectorError as failure:
            return failure
        return Garbled(self._http.name, f"{self._path} was not done after {_POLLS * _PAUSE:.0f} seconds")

    def _task(self, answer: Answer) -> _Done:
        if answer.status == 404:
            raise Rejected(
                self._http.name,
                f"{self._path} does not exist there: check the address and the path, and the profile's version",
            )
        task = _Task() if answer.is_empty else msgspec.json.decode(answer.body, type=_Task)
        state = folded(task.state) if isinstance(task.state, str) else ""
        if not task.usage_consumption and task.id is not None and answer.status == 202:
            state = state or "accepted"
        if state in _ENDED_BADLY:
            raise Failed(self._http.name, f"{self._path} ended with {state!r}")
        if task.usage_consumption is None and state not in _UNDER_WAY and not answer.is_empty:
            self._reader.warn_once(
                "queryUsageConsumption has an answer without usageConsumption: nothing was used there"
            )
        parts = dict.fromkeys(map(bytes, task.usage_consumption or ()))  # each once
        read = [self._consumption(part) for part in parts]
        readable = [one for one in read if one is not None]
        return _Done(task.id, state, readable, len(read) - len(readable))


def _rows(
    groups: Mapping[str, list[UsageAllowance]],
    asked: Iterable[str],
    unread: int,
    unreadable: Callable[[str], ConnectorError],
) -> Found[Rows[UsageAllowance]]:
    """The lists by customer; the failures that `unreadable` makes where nothing that came could be read.

    A part that cannot be read may be any customer's.
    """
    if not unread:
        return {key: Rows.of(rows) for key, rows in groups.items()}
    if not groups:
        return {key: unreadable(key) for key in asked}
    return {key: Rows(groups.get(key, ()), 0, None, complete=True, unread=unread) for key in asked}


def _allowance(reader: Reader, bucket: _Bucket, owners: Owners, otherwise: str) -> UsageAllowance:
    used = next((c.value for c in bucket.bucket_counter or () if (c.counter_type or "").casefold() == "used"), None)
    left = bucket.remaining_value
    """The bucket; one without an id has the first owner and `otherwise` for one."""
    named = owners.ids[0] if isinstance(owners, Known) else ""
    return UsageAllowance(
        id=str(bucket.id) if bucket.id is not None else f"{named}-{otherwise}",
        owners=owners,
        name=bucket.name,
        usage_type=bucket.usage_type,
        used=reader.number(used.amount) if used else None,
        remaining=reader.number(left.amount) if left else None,
        unit=(left and left.units) or (used and used.units) or None,
        resets_at=reader.date(bucket.valid_for.end_date_time) if bucket.valid_for else None,
    )
