"""What changed in Icinga since a time, by the times that it keeps of each object."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from connectors.assurance.icinga.client import IcingaApi, Question
from connectors.assurance.icinga.records import Records, moment
from connectors.assurance.icinga.rows import times_of_changes
from connectors.errors import TooMuch
from connectors.reading.changes import last_of_all
from connectors.reading.concurrently import run_concurrently
from connectors.records import Changed

_STEPS: Final = (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))
"""How far back the last change is looked for."""

_LONGEST_AGO: Final = timedelta(days=7)
"""For which changes are looked for at most."""

_DAY: Final = 86400.0
_MOMENT: Final = 0.001
"""Seconds that are not asked for in parts."""


class Changes:
    """Hosts and services that changed. Two calls; where too much changed for one question, two for each part of time.

    A downtime or flapping that begins or ends has no time: the stream tells it.
    """

    def __init__(self, api: IcingaApi, records: Records, most: int) -> None:
        """`most`: questions for one answer."""
        self._api, self._records, self._most = api, records, most

    async def since(self, begin: datetime | None) -> Sequence[Changed]:
        """What `AssurancePort.outages_changed` promises. Raises `ConnectorError`."""
        if begin is None:
            return await last_of_all(self._at_once, _STEPS)
        earliest = datetime.now(UTC) - _LONGEST_AGO
        found: dict[str, Changed] = {}
        for one in await self._in_parts(max(begin, earliest).timestamp()):
            if one.id not in found or found[one.id].changed_at < one.changed_at:
                found[one.id] = one  # it changed again while the parts were read
        return list(found.values())

    async def _at_once(self, begin: datetime) -> list[Changed]:
        return await self._between(begin.timestamp(), None)

    async def _in_parts(self, begin: float) -> list[Changed]:
        """All that changed, the oldest part first: what changes meanwhile is in a later one."""
        found: list[Changed] = []
        waiting: list[tuple[float, float | None]] = [(begin, None)]
        asked = 0
        while waiting:
            start, end = waiting.pop()
            asked += 1
            try:
                found += await self._between(start, end)
            except TooMuch:
                now = datetime.now(UTC).timestamp()
                until = end if end is not None else now if now > start else start + _DAY  # Icinga's clock is ahead
                if until - start < _MOMENT or asked + len(waiting) >= self._most:
                    raise
                middle = start + (until - start) / 2
                waiting += [(middle, end), (start, middle)]
        return found

    async def _between(self, begin: float, end: float | None) -> list[Changed]:
        """What changed from `begin` until before `end`."""
        questions = []
        if words := self._records.host_words:
            questions.append(_question("hosts", words, begin, end))
        if self._records.service_words:
            questions.append(_question("services", self._records.service_words, begin, end))
        pages = await run_concurrently([self._api.objects(one) for one in questions])
        found = []
        for row in (row for page in pages for row in page.rows):
            began = moment(row.attrs.last_hard_state_change)
            times = [one for one in (began, moment(row.attrs.acknowledgement_last_change)) if one is not None]
            if times:
                created = began if self._records.is_open(row) else None
                found.append(Changed(id=str(row.id), changed_at=max(times), created_at=created))
        return found


def _question(kind: str, words: Iterable[str], begin: float, end: float | None) -> Question:
    """Objects that ever were in the state of an outage, and changed then."""
    name = kind[:-1]
    was = " || ".join(f"{name}.last_state_{word} > 0" for word in words)
    changed = f"({name}.last_hard_state_change >= t || {name}.acknowledgement_last_change >= t)"
    values = {"t": begin}
    if end is not None:
        changed += f" && {name}.last_hard_state_change < u && {name}.acknowledgement_last_change < u"
        values["u"] = end
    return Question(kind, f"({was}) && {changed}", values, times_of_changes(kind))
