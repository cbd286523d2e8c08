"""What changed since a time in Tryton, by `create_date` and `write_date`.

Tryton writes no `write_date` until a row is changed, nor into an invoice when a payment lowers what is left to pay: so
the invoices of payments that changed count as changed, too.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from connectors.billing.tryton.client import Domain, Model, Projection, Rest
from connectors.billing.tryton.rows import PaidRow
from connectors.billing.tryton.values import Values
from connectors.reading.order import Order
from connectors.reading.rows import Identified
from connectors.reading.warn_once import WarnOnce
from connectors.records import Changed


class TimesRow(Identified):
    """When an invoice or a payment was made and last written, and of a payment what it pays."""

    type: str | None = None
    kind: str | None = None
    create_date: Any = None
    write_date: Any = None
    line: PaidRow | None = None


_INVOICE: Final = Projection(["create_date", "type", "write_date"], {})
_PAYMENT: Final = Projection(["create_date", "kind", "line.move_origin", "write_date"], {})
_LAST: Final = (Order("-write_date", "write_date"), Order("-create_date", "create_date"))


class Changes:
    """Bills and payments that were made or changed."""

    def __init__(self, rest: Rest, warn_once: WarnOnce) -> None:
        self._values = Values("UTC", warn_once)
        self._invoices = Model(
            rest, "account.invoice", TimesRow, _INVOICE, [["type", "=", "out"]], lambda row: row.type == "out", ["type"]
        )
        self._payments = Model(
            rest,
            "account.payment",
            TimesRow,
            _PAYMENT,
            [["kind", "=", "receivable"]],
            lambda row: row.kind == "receivable",
            ["kind"],
        )

    async def bills(self, since: datetime | None) -> Sequence[Changed]:
        """Two calls; four for the last change. Raises `ConnectorError`."""
        found: dict[str, Changed] = {}
        for one in [*await self._of(self._invoices, since), *await self._paid(since)]:
            known = found.get(one.id)
            if known is None or known.changed_at < one.changed_at:
                created = known.created_at if known is not None else one.created_at
                found[one.id] = Changed(id=one.id, changed_at=one.changed_at, created_at=created)
        return list(found.values())

    async def payments(self, since: datetime | None) -> Sequence[Changed]:
        """One call; two for the last change. Raises `ConnectorError`."""
        return await self._of(self._payments, since)

    async def _of(self, model: Model[TimesRow], since: datetime | None) -> list[Changed]:
        return [
            Changed(id=str(row.id), changed_at=at, created_at=self._values.moment(row.create_date))
            for row, at in await self._rows(model, since)
        ]

    async def _paid(self, since: datetime | None) -> list[Changed]:
        paid = []
        for row, at in await self._rows(self._payments, since):
            model, _, bill = (row.line.move_origin or "" if row.line else "").partition(",")
            if model == "account.invoice" and bill:
                paid.append(Changed(id=bill, changed_at=at))
        return paid

    async def _rows(self, model: Model[TimesRow], since: datetime | None) -> list[tuple[TimesRow, datetime]]:
        if since is None:
            rows = [row for order in _LAST for row in await model.last(order)]
        else:
            moment = _typed(since)
            either: Domain = ["OR", [["write_date", ">=", moment]], [["create_date", ">=", moment]]]
            rows = await model.meeting([either])
        timed = [(row, self._values.moment(row.write_date) or self._values.moment(row.create_date)) for row in rows]
        return [(row, at) for row, at in timed if at is not None and (since is None or at >= since)]


def _typed(moment: datetime) -> dict[str, Any]:
    """A time as Tryton writes it in JSON, in UTC."""
    utc = moment.astimezone(UTC)
    parts = ("year", "month", "day", "hour", "minute", "second", "microsecond")
    return {"__class__": "datetime", **{part: getattr(utc, part) for part in parts}}
