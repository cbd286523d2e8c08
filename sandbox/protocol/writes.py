"""What POST and PATCH do to the rows of a system, and which events follow."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import count
from typing import Any

from sandbox.data import shapes
from sandbox.data.shapes import Row
from sandbox.data.world import World
from sandbox.protocol.answers import Refused
from sandbox.protocol.collection import Collection
from sandbox.protocol.switches import Switches
from sandbox.protocol.systems import Resource

Change = tuple[Resource, str, Row]
"""(resource, event type such as CustomerCreateEvent, the row after the change)."""
_SERVER_OWNED = frozenset({"id", "href", "@type"})
_DROPPED = _SERVER_OWNED | {"externalId", "correlatorId"}
_OVER = ("closed", "resolved", "cancelled", "rejected")


def body_of(raw: bytes) -> Row:
    """Return a request's JSON object, numbers exact. Raises Refused (400)."""
    try:
        body = json.loads(raw, parse_float=Decimal)
    except ValueError as problem:
        raise Refused(400, f"the body is not JSON: {problem}") from problem
    if not isinstance(body, dict):
        raise Refused(400, "the body must be a JSON object")
    return body


def merge_patch(target: Any, patch: Any) -> Any:
    """Return RFC 7396: objects are merged, null removes, everything else (arrays too) replaces."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merge_patch(found.get(key), value)
    return found


class Writer:
    """The writes of one system over its collections (keyed by resource path)."""

    def __init__(self, world: World, resources: Mapping[str, Resource], rows: Mapping[str, Collection]) -> None:
        self._world, self._resources, self._rows = world, resources, rows
        self._numbers: Iterator[int] = count(world.numbers.stop)

    def create(self, resource: Resource, body: Row, switches: Switches) -> tuple[Row, list[Change]]:
        """Make a row. Raises Refused: 400 for bad attributes, 409 for a bill that wants no such payment."""
        if resource.create is None:
            raise Refused(405, f"{resource.name} cannot be created")
        if missing := [name for name in resource.create if name not in body]:
            raise Refused(400, f"{resource.name} needs {', '.join(missing)}")
        self._check_state(resource, body)
        now = shapes.stamp(self._world.now())
        changes: list[Change] = []
        row = {k: v for k, v in body.items() if k not in (_DROPPED if switches.drop_keys else _SERVER_OWNED)}
        if resource.path == shapes.PAYMENT:
            changes = self._pay(row, switches.late_ms / 1000)
            status = "accepted" if switches.accept_writes else "done"
            row |= {"paymentDate": now, "status": status, "statusDate": now}
        elif resource.path == shapes.TICKET:
            status = row.get("status", "acknowledged")
            row |= {"status": status, "creationDate": now, "lastUpdate": now, "statusChangeDate": now}
            row["statusChange"] = [{"status": status, "changeDate": now}]
            row["note"] = self._notes(row.get("note", []), now, [] if switches.own_note_ids else None)
        elif resource.path == shapes.PROBLEM:
            row |= {"creationDate": now, "lastUpdate": now, "statusChangeDate": now}
            row.setdefault("status", "acknowledged")
        elif resource.path == shapes.CUSTOMER:
            row.setdefault("status", "Active")
        ident = self._new_id(resource, row)
        row = {"id": ident, "href": f"{resource.path}/{ident}", **row, "@type": body.get("@type", resource.type)}
        self._rows[resource.path].put(row, switches.late_ms / 1000)
        return row, [(resource, f"{resource.type}CreateEvent", row), *changes]

    def change(self, resource: Resource, row: Row, patch: Row, switches: Switches) -> tuple[Row, list[Change]]:
        """Apply a merge patch to `row`. Raises Refused (400, 405) naming what may not be changed."""
        if resource.update is None:
            raise Refused(405, f"{resource.name} cannot be changed")
        fixed: list[str] = [k for k in ("id", "href") if k in patch and patch[k] != row[k]]
        fixed += [k for k in patch if resource.update and k not in (*resource.update, *_SERVER_OWNED)]
        if fixed:
            raise Refused(400, f"{', '.join(fixed)} of {resource.name} cannot be changed")
        self._check_state(resource, patch)
        now = shapes.stamp(self._world.now())
        if "note" in patch:
            before: list[Row] = row.get("note", [])
            notes = patch["note"]
            if switches.notes_append and isinstance(notes, list):
                notes = [*before, *notes]
            patch = patch | {"note": self._notes(notes, now, before if switches.own_note_ids else None)}
        if switches.half_writes:
            patch = {k: v for k, v in patch.items() if k != resource.state}
        new: Row = merge_patch(row, patch)
        was, after = row.get(resource.state), new.get(resource.state)
        if resource.path in (shapes.TICKET, shapes.PROBLEM):
            new["lastUpdate"] = now
            if was != after:
                new["statusChangeDate"] = now
                if after in _OVER:
                    new.setdefault("resolutionDate", now)
        if resource.path == shapes.TICKET and was != after:
            step = {"status": after, "changeDate": now}
            if reason := patch.get("statusChangeReason"):
                step["changeReason"] = reason
            new["statusChange"] = [*row.get("statusChange", []), step]
        self._rows[resource.path].put(new, switches.late_ms / 1000)
        return new, self._events(resource, row, new, twice=switches.hub_two_events)

    def _events(self, resource: Resource, old: Row, new: Row, *, twice: bool = False) -> list[Change]:
        follows = {
            resource.state,
            "statusChange",
            "statusChangeDate",
            "statusChangeReason",
            "lastUpdate",
            "resolutionDate",
        }
        changed = {key for key in {*old, *new} if old.get(key) != new.get(key)}
        found: list[Change] = []
        if changed - follows or (twice and resource.state in changed):
            found.append((resource, f"{resource.type}AttributeValueChangeEvent", new))
        if resource.state in changed:
            found.append((resource, f"{resource.type}{resource.state_event}", new))
            if resource.path == shapes.TICKET and new["status"] == "resolved":
                found.append((resource, "TroubleTicketResolvedEvent", new))
        return found

    def _check_state(self, resource: Resource, body: Row) -> None:
        word = body.get(resource.state)
        if word is not None and resource.states and word not in resource.states:
            raise Refused(400, f"{resource.state} is {word!r}; it must be one of {', '.join(resource.states)}")

    def _notes(self, notes: Any, now: str, before: list[Row] | None) -> list[Row]:
        """Return the notes with ids and dates; those that are not among `before` get new ids, if that is given."""
        if not isinstance(notes, list) or not all(isinstance(note, dict) for note in notes):
            raise Refused(400, "note must be an array of objects")
        if before is not None:
            known = {note["id"] for note in before}
            notes = [note if note.get("id") in known else note | {"id": None} for note in notes]
        taken = {note.get("id") for note in notes}
        free = (str(n) for n in count(1) if str(n) not in taken)
        return [note | {"id": note.get("id") or next(free), "date": note.get("date") or now} for note in notes]

    def _new_id(self, resource: Resource, row: Row) -> str:
        rows = self._rows[resource.path]
        if resource.path == shapes.PAYMENT:
            items = row.get("paymentItem") or [{}]
            stem = f"PAY-{items[0].get('item', {}).get('id') or row['account']['id']}"
        elif resource.path == shapes.TICKET:
            customer = next((p["id"] for p in row.get("relatedParty", []) if p.get("role") == "customer"), "0")
            stem = f"TT-{customer}"
        elif resource.path == shapes.PROBLEM:
            stem = "SP"
        elif resource.path == shapes.SERVICE:
            stem = "SVC-NEW"
        else:
            prefix = "" if resource.path == shapes.CUSTOMER else "P"
            return f"{prefix}{next(self._numbers)}"
        return next(f"{stem}-{n}" for n in count(1) if rows.get(f"{stem}-{n}") is None)

    def _pay(self, payment: Row, late: float) -> list[Change]:
        """Take a payment's items off the bills they name, which list it then, and off the account's balance."""
        bills, accounts = self._resources[shapes.BILL], self._resources[shapes.ACCOUNT]
        account = self._rows[accounts.path].get(str(payment["account"].get("id")))
        if account is None:
            raise Refused(400, f"account {payment['account'].get('id')!r} does not exist")
        todo: list[tuple[Row, Decimal]] = []
        for item in payment.get("paymentItem", []):
            bill_id = item.get("item", {}).get("id")
            bill = self._rows[bills.path].get(str(bill_id))
            if bill is None:
                raise Refused(400, f"paymentItem names {bill_id!r}, which is no bill")
            amount = _amount(item.get("totalAmount") or item.get("amount") or payment["totalAmount"])
            left = bill["remainingAmount"]["value"]
            if not left:
                raise Refused(409, f"bill {bill_id} is already paid")
            if amount > left:
                raise Refused(409, f"{amount} exceeds what remains of bill {bill_id}: {left}")
            todo.append((bill, amount))
        changes: list[Change] = []
        ident = self._new_id(self._resources[shapes.PAYMENT], payment)
        for bill, amount in todo:
            left = bill["remainingAmount"]["value"] - amount
            new = bill | {"remainingAmount": shapes.money(left), "state": "partiallyPaid" if left else "settled"}
            reference = shapes.ref(shapes.PAYMENT, ident, payment.get("name", "Payment"), "Payment")
            applied = {"appliedAmount": shapes.money(amount), "payment": reference}
            new["appliedPayment"] = [*bill.get("appliedPayment", []), applied]
            new["lastUpdate"] = shapes.stamp(self._world.now())
            self._rows[bills.path].put(new, late)
            changes += self._events(bills, bill, new)
        balance, *others = account["accountBalance"]
        left = balance["amount"]["value"] - _amount(payment["totalAmount"])
        new = account | {"accountBalance": [balance | {"amount": shapes.money(left)}, *others]}
        self._rows[accounts.path].put(new, late)
        return [*changes, *self._events(accounts, account, new)]


def _amount(money: Any) -> Decimal:
    """Return the value of a Money in a request. Raises Refused (400)."""
    value = money.get("value") if isinstance(money, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or value <= 0:
        raise Refused(400, f"{money!r} is not an amount; it must be like {{'unit': 'EUR', 'value': 12.50}}")
    if money.get("unit") != shapes.CURRENCY:
        raise Refused(400, f"unit is {money.get('unit')!r}; it must be {shapes.CURRENCY}")
    return Decimal(value)
