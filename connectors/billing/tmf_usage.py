"""TMF677 v4: usage is asked by a task (POST queryUsageConsumption), whose answer holds the buckets of all it names."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from connectors.billing.port import UsageAllowance
from connectors.errors import ConnectorError, Garbled, Rejected
from connectors.http import Answer, HttpClient
from connectors.profile import Profile
from connectors.records import Found, Rows
from connectors.tmf630_paging import together
from connectors.tmf_shapes import Many, Quantity, Reader, RelatedParty, TimePeriod

_PATH: Final = "/tmf-api/usageConsumption/v4/queryUsageConsumption"
_POLLS: Final = 20
_PAUSE: Final = 0.1


class _Counter(msgspec.Struct, rename="camel"):
    counter_type: str | None = None
    value: Quantity | None = None


class _Bucket(msgspec.Struct, rename="camel"):
    id: str | int | None = None
    name: str | None = None
    usage_type: str | None = None
    remaining_value: Quantity | None = None
    bucket_counter: Many[_Counter] = None
    related_party: Many[RelatedParty] = None
    valid_for: TimePeriod | None = None


class _Consumption(msgspec.Struct, rename="camel"):
    state: str | None = None
    bucket_ref_or_value: Many[_Bucket] = None
    related_party: Many[RelatedParty] = None


class _Task(msgspec.Struct, rename="camel"):
    id: str | int | None = None
    usage_consumption: Many[_Consumption] = None


class UsageQuery:
    """Asks for many customers in one task; each bucket is matched by the parties that it or its row names."""

    def __init__(self, http: HttpClient, profile: Profile, reader: Reader) -> None:
        self._http, self._profile, self._reader = http, profile, reader
        self._path = profile.path(_PATH)

    async def of_customers(self, customer_ids: Sequence[str]) -> Found[Rows[UsageAllowance]]:
        """Allowances per customer; one without any is absent."""
        most = 1 if self._profile.id_list == "none" else self._profile.max_keys
        keys = [key for key in dict.fromkeys(customer_ids) if key]
        chunks = [keys[start : start + most] for start in range(0, len(keys), most)]
        found: dict[str, Rows[UsageAllowance] | ConnectorError] = {}
        for chunk, answer in zip(chunks, await together([self._ask(chunk) for chunk in chunks]), strict=True):
            if isinstance(answer, ConnectorError):
                found.update(dict.fromkeys(chunk, answer))
            else:
                found.update({key: Rows.of(rows) for key, rows in self._grouped(answer, chunk).items()})
        return found

    async def _ask(self, customer_ids: Sequence[str]) -> _Task | ConnectorError:
        parties = [{"id": key, "role": "customer", "@referredType": "Customer"} for key in customer_ids]
        body = msgspec.json.encode({"searchCriteria": {"relatedParty": parties}, "relatedParty": parties})
        try:
            task = await self._http.post_query(self._path, body, customer_ids, self._task)
            for _ in range(_POLLS):
                if not any(
                    (one.state or "done").casefold() in ("accepted", "inprogress")
                    for one in task.usage_consumption or ()
                ):
                    return task
                await asyncio.sleep(_PAUSE)  # the standard offers polling or an event, nothing to wait on
                task = await self._http.get(f"{self._path}/{quote(str(task.id), safe='')}", customer_ids, self._task)
        except ConnectorError as failure:
            return failure
        return Garbled(self._http.name, f"{self._path} was not done after {_POLLS * _PAUSE:.0f} seconds")

    def _task(self, answer: Answer) -> _Task:
        if answer.status == 404:
            raise Rejected(self._http.name, f"{self._path} does not exist there: check the address and the path")
        return msgspec.json.decode(answer.body, type=_Task)

    def _grouped(self, task: _Task, asked: Sequence[str]) -> dict[str, list[UsageAllowance]]:
        groups = defaultdict[str, list[UsageAllowance]](list)
        for row in task.usage_consumption or ():
            for place, bucket in enumerate(row.bucket_ref_or_value or ()):
                parties = self._reader.owners(bucket.related_party) or self._reader.owners(row.related_party)
                allowance = self._allowance(bucket, place, parties)
                for key in set(asked).intersection(parties):
                    groups[key].append(allowance)
        return groups

    def _allowance(self, bucket: _Bucket, place: int, customer_ids: tuple[str, ...]) -> UsageAllowance:
        used = next((c.value for c in bucket.bucket_counter or () if (c.counter_type or "").casefold() == "used"), None)
        left = bucket.remaining_value
        return UsageAllowance(
            id=str(bucket.id) if bucket.id is not None else str(place),
            customer_ids=customer_ids,
            name=bucket.name,
            usage_type=bucket.usage_type,
            used=self._reader.number(used.amount) if used else None,
            remaining=self._reader.number(left.amount) if left else None,
            unit=(left and left.units) or (used and used.units) or None,
            resets_at=self._reader.date(bucket.valid_for.end_date_time) if bucket.valid_for else None,
        )
