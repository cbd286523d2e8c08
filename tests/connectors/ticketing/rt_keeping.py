"""A Request Tracker for tests that keeps what is written to it, and answers as the live one did (5.0.3)."""

import json
import re
from typing import Any

from aiohttp import web

from tests.connectors.ticketing.rt_tracker import TRANSACTIONS, field, listed

_CONDITION = re.compile(r"(id|TicketId|Status|CF\.\{[^}]+\})(!?=)'((?:[^'\\]|\\.)*)'")
_LIFECYCLE = {"new", "open", "stalled", "resolved", "rejected"}


def _fields(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"id": str(at), "name": name, "values": value if isinstance(value, list) else [value]}
        for at, (name, value) in enumerate(values.items())
    ]


class Keeping:
    """RT with the queue Faults. `people` may own tickets."""

    def __init__(self) -> None:
        self.tickets: list[dict[str, Any]] = []
        self.transactions: list[dict[str, Any]] = []
        self.texts: list[dict[str, Any]] = []
        self.people = {"root", "kim"}
        names = ("CustomerId", "ServiceId", "GatewayKey")
        self.fields = [field(name) for name in names]
        self.fields += [field(name, TRANSACTIONS) for name in ("GatewayTxnKey", "GatewayAuthor")]
        for service in ("S1", "S2"):
            self._open(
                {"Subject": "No signal", "Content": "x", "CustomFields": {"CustomerId": "C1", "ServiceId": service}}
            )

    async def answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/REST/2.0/").split("/")
        if request.method != "GET":
            return self._written(request, path, await request.json())
        if path[0] == "queue" and len(path) == 2:
            return web.json_response(
                {"id": "3"} if path[1] == "Faults" else {}, status=200 if path[1] == "Faults" else 404
            )
        rows = {
            "tickets": self.tickets,
            "transactions": self.transactions,
            "attachments": self.texts,
            "customfields": self.fields,
        }[path[-1]]
        query = request.query["query"]
        fits = _by_json(json.loads(query)) if query.startswith("[") else _by_words(query)
        found = [row for row in rows if fits(row)]
        if "DESC" in request.query.getall("order", []):
            found.reverse()
        start = (int(request.query["page"]) - 1) * 100
        page = json.loads(listed(*found[start : start + 100]).text or "")
        return web.json_response({**page, "total": len(found)})

    def _written(self, request: web.Request, path: list[str], body: dict[str, Any]) -> web.Response:
        if path == ["ticket"]:
            return web.json_response({"id": self._open(body), "type": "ticket"}, status=201)
        ticket = next((one for one in self.tickets if one["id"] == path[1]), None)
        if ticket is None:
            return web.json_response({"message": "Not Found"}, status=404)
        if request.method == "PUT":
            return web.json_response([self._put(ticket, body)])
        kind = path[2].capitalize()
        number = self._say(ticket["id"], kind, body["Content"], body.get("TxnCustomFields", {}))
        if kind == "Correspond" and ticket["Status"] in ("new", "resolved", "rejected"):
            ticket["Status"] = "open"
        said = [f"{kind} added", *([self._put(ticket, body)] if "Status" in body else [])]
        return web.json_response(said, status=201, headers={"Location": f"/REST/2.0/transaction/{number}"})

    def _put(self, ticket: dict[str, Any], body: dict[str, Any]) -> str:
        if body.get("Owner", "root") not in self.people or body.get("Status", "open") not in _LIFECYCLE:
            return "That is not allowed here"  # with 200
        ticket.update({"Owner": {"id": body["Owner"]}} if "Owner" in body else {"Status": body["Status"]})
        return f"Ticket {ticket['id']}: changed"

    def _open(self, body: dict[str, Any]) -> str:
        number = str(len(self.tickets) + 1)
        self.tickets.append(
            {
                "id": number,
                "Subject": body["Subject"][:200],
                "Status": "new",
                "Priority": "0",
                "Queue": {"id": "3", "Name": "Faults"},
                "Owner": {"id": "Nobody"},
                "Requestors": [],
                "Created": f"2026-11-29T08:{len(self.tickets):02}:00Z",
                "CustomFields": _fields(body["CustomFields"]),
            }
        )
        self._say(number, "Create", body["Content"], {})
        return number

    def _say(self, ticket: str, kind: str, text: str, fields: dict[str, Any]) -> str:
        number = str(len(self.transactions) + 1)
        about = {"ObjectId": ticket, "TicketId": ticket, "ObjectType": "RT::Ticket", "Type": kind}
        who = {"id": "gateway", "RealName": "API gateway"}
        made = {"id": number, "Created": "2026-11-29T08:44:48Z", "Creator": who, "CustomFields": _fields(fields)}
        self.transactions.append({**made, **about})
        self.texts.append(
            {"id": number, "TransactionId": number, "ContentType": "text/plain", "Filename": "", "Content": text}
        )
        return number


def _value(row: dict[str, Any], name: str) -> list[str]:
    if name.startswith("CF."):
        return [one for held in row["CustomFields"] if held["name"] == name[4:-1] for one in held["values"]]
    return [str(row.get(name, ""))]


def _by_words(query: str) -> Any:
    """TicketSQL as the driver writes it: one of some values of a field, and other conditions."""
    wanted: dict[str, set[str]] = {}
    unwanted: list[tuple[str, str]] = []
    for name, sign, value in _CONDITION.findall(query):
        if sign == "=":
            wanted.setdefault(name, set()).add(value)
        else:
            unwanted.append((name, value))
    return lambda row: (
        all(values.intersection(_value(row, name)) for name, values in wanted.items())
        and not any(value in _value(row, name) for name, value in unwanted)
    )


def _by_json(conditions: list[dict[str, Any]]) -> Any:
    def meets(row: dict[str, Any], one: dict[str, Any]) -> bool:
        has = str(row.get(one["field"], "") or "")
        match one.get("operator", "="):
            case "IN":
                return has in map(str, one["value"])
            case "!=":
                return has != one["value"]
            case "IS":
                return not has
            case _:
                return has == one["value"]

    def fits(row: dict[str, Any]) -> bool:
        kept = [one for one in conditions if one.get("entry_aggregator") != "OR"]
        return all(meets(row, one) for one in kept if one["field"] in row)

    return fits
