"""What is remembered of outages, because Alertmanager forgets an alert when it ends.

Each process remembers what it has read or was posted. Nothing of it is shown as current: what fires is read anew.
"""

from collections import OrderedDict
from datetime import datetime

import msgspec

from connectors.assurance.alertmanager.rows import ended
from connectors.assurance.port import Outage
from connectors.records import Changed


class _Known(msgspec.Struct):
    """An outage as it was seen last; `resolved_at` as the webhook told it. Times of a change are on our clock."""

    outage: Outage
    digest: int
    changed_at: datetime
    is_over: bool = False
    resolved_at: datetime | None = None


class KnownOutages:
    """Outages by id, those that were seen last.

    `ended_known`: seconds for which one that has ended is remembered. `most`: how many are; no fewer than may fire at
    once, or each time that all are read they would seem new.
    """

    def __init__(self, ended_known: float, most: int) -> None:
        self._ended_known, self._most = ended_known, most
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def saw(self, outage: Outage, digest: int, now: datetime) -> None:
        """It fires. It changed when that was seen: `startsAt` may be long before that, or in the future."""
        before = self._known.get(outage.id)
        is_same = before is not None and not before.is_over and before.digest == digest
        self._put(_Known(outage, digest, before.changed_at if before is not None and is_same else now))

    def missed(self, outage_id: str, now: datetime) -> None:
        """It does not fire any more. Nothing happens where it is not known, or known to have ended."""
        if (one := self._known.get(outage_id)) is not None and not one.is_over:
            one.is_over, one.changed_at = True, now

    def missed_as_told(self, outage_id: str, now: datetime) -> bool:
        """The same, if the webhook said that it has ended: whether it did."""
        one = self._known.get(outage_id)
        if one is None or one.resolved_at is None:
            return False
        self.missed(outage_id, now)
        return True

    def told_ended(self, outage: Outage, at: datetime | None, now: datetime) -> None:
        """The webhook says that these alerts have ended, and when. Whether others still fire is for reading to say."""
        before = self._known.get(outage.id)
        if before is None or before.is_over:
            self._put(_Known(outage, 0, now, True, at))
        else:
            before.resolved_at = at

    def told_gone(self, outage_id: str, at: datetime) -> None:
        """The webhook told another process that it has ended, and when; nothing where it is not known to fire."""
        if (one := self._known.get(outage_id)) is not None and not one.is_over:
            one.resolved_at = at

    def over(self, outage_id: str) -> Outage | None:
        """One that has ended, for a while; None where it is not known, or not to have ended."""
        one = self._known.get(outage_id)
        return None if one is None or not one.is_over else ended(one.outage, one.resolved_at)

    def firing(self, outage_id: str) -> Outage | None:
        """One that is known to fire, as far as is known."""
        one = self._known.get(outage_id)
        return None if one is None or one.is_over else one.outage

    def all_firing(self) -> list[str]:
        """The ids of those that fire, as far as is known."""
        return [key for key, one in self._known.items() if not one.is_over]

    def all_over(self) -> list[Outage]:
        """Those that have ended."""
        return [ended(one.outage, one.resolved_at) for one in self._known.values() if one.is_over]

    def changed(self, since: datetime | None) -> list[Changed]:
        """Those that changed since then."""
        return [
            Changed(id=key, changed_at=one.changed_at, created_at=one.outage.started_at)
            for key, one in self._known.items()
            if since is None or one.changed_at >= since
        ]

    def forget_old(self, now: datetime) -> None:
        """Forget what has ended for longer than it is to be remembered."""
        old = [
            key
            for key, one in self._known.items()
            if one.is_over and (now - one.changed_at).total_seconds() > self._ended_known
        ]
        for key in old:
            del self._known[key]

    def _put(self, one: _Known) -> None:
        self._known[one.outage.id] = one
        self._known.move_to_end(one.outage.id)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
