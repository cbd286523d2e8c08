"""A Redmine for tests that keeps what is written to it, and answers as the live one did (5.0.4)."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web

from connectors.http.client import HttpClient
from connectors.settings import System
from connectors.ticketing.redmine.driver import RedmineTicketing
from connectors.ticketing.redmine.options import RedmineOptions

KEY_HEADER = "X-Redmine-API-Key"
RIGHT = {"kind": "api_key", "header": KEY_HEADER, "key": "right"}
GATEWAY = {"id": 5, "name": "API Gateway"}
STATUSES = [
    {"id": 1, "name": "New", "is_closed": False},
    {"id": 2, "name": "In Progress", "is_closed": False},
    {"id": 3, "name": "Resolved", "is_closed": False},
    {"id": 4, "name": "Feedback", "is_closed": False},
    {"id": 5, "name": "Closed", "is_closed": True},
    {"id": 6, "name": "Rejected", "is_closed": True},
]
PRIORITIES = [{"id": at, "name": name} for at, name in enumerate(("Low", "Normal", "High", "Urgent", "Immediate"), 1)]
FIELDS = ("CustomerId", "ServiceId", "CircuitId", "GatewayKey", "GatewayNoteKey")
_COOKIE = 1950
"""Bytes of filters for which the session's cookie has room."""

Answer = web.StreamResponse


def custom_field(number: int, name: str, **more: Any) -> dict[str, Any]:
    trackers = [{"id": 3, "name": "Support"}]
    return {
        "id": number, "name": name, "customized_type": "issue", "is_filter": True, "multiple": False,
        "trackers": trackers, **more,
    }  # fmt: skip


class Redmine:
    """The project `telecom`. Without `is_admin` the gateway's user has one role, with the rights `may`.

    `post` and `put` answer writes in its place, `first` all reads, `read` those that come after a write.
    """

    def __init__(self) -> None:
        self.issues: list[dict[str, Any]] = []
        self.files: dict[int, bytes] = {}
        self.fields = [custom_field(at, name) for at, name in enumerate(FIELDS, 1)]
        self.statuses = list(STATUSES)
        self.is_admin, self.is_public = True, False
        self.may = {"edit_issues", "add_issue_notes", "set_notes_private", "view_private_notes"}
        self.members = [{"id": 6, "name": "Kim"}, {"id": 7, "name": "Jo"}]
        self.allowed: list[dict[str, Any]] | None = None
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.cannot_be_assigned = {7}
        self.drops_status = False
        self._journals = self._at = 0
        self.post: Any = None
        self.put: Any = None
        self.first: Any = None
        self.read: Any = None

    @property
    def written(self) -> list[str]:
        """Method and path of what changed something."""
        return [one for one in self.asked if not one.startswith("GET")]

    def issue(self, **fields: Any) -> dict[str, Any]:
        """A new issue. Its custom fields are named by what they hold: customer, service, key."""
        number = len(self.issues) + 1
        held = {"CustomerId": fields.pop("customer", "C1"), "ServiceId": fields.pop("service", None)}
        held["GatewayKey"] = fields.pop("key", "")
        at = f"2026-11-29T08:{number // 60:02}:{number % 60:02}Z"
        made = {
            "id": number, "project": {"id": 1, "name": "Telecom"}, "tracker": {"id": 3, "name": "Support"},
            "status": self.statuses[0], "priority": PRIORITIES[1], "author": GATEWAY, "subject": "No signal",
            "description": "", "is_private": False, "due_date": None, "created_on": at, "updated_on": at,
            "closed_on": None, "journals": [], "attachments": [],
            "custom_fields": [
                {"id": one["id"], "name": one["name"], "value": held.get(one["name"])}
                | ({"multiple": True} if one["multiple"] else {})
                for one in self.fields
            ],
            **fields,
        }  # fmt: skip
        self.issues.append(made)
        return made

    def journal(self, issue: dict[str, Any], notes: str | None, *details: dict[str, Any], private: bool = False) -> int:
        """An entry of the history. One with a private note and changes becomes two."""
        if private and details:
            self.journal(issue, None, *details)
            details, self._at = (), self._at - 1
        self._journals, self._at = self._journals + 1, self._at + 1
        issue["journals"].append(
            {
                "id": self._journals, "user": GATEWAY, "notes": notes, "private_notes": private,
                "created_on": f"2026-11-29T09:{self._at // 60:02}:{self._at % 60:02}Z", "details": list(details),
            }
        )  # fmt: skip
        return self._journals

    def attach(self, issue: dict[str, Any], name: str, content: bytes) -> dict[str, Any]:
        """A file of an issue: the change that a history has of it."""
        number = len(self.files) + 1
        self.files[number] = content
        issue["attachments"].append(
            {
                "id": number, "filename": name, "filesize": len(content), "content_type": "text/plain",
                "content_url": f"http://elsewhere.example/attachments/download/{number}/{name}",
            }
        )  # fmt: skip
        return {"property": "attachment", "name": str(number), "old_value": None, "new_value": name}

    async def answer(self, request: web.Request) -> Answer:
        self.asked.append(f"{request.method} {request.path}")
        is_known = request.headers.get(KEY_HEADER, "right") == "right"
        if request.method != "GET":
            self.bodies.append(await request.json())
            instead = self.post if request.method == "POST" else self.put
            return await instead(request) if instead else self._write(request.path, self.bodies[-1]["issue"])
        if self.first or (self.read and self.written):
            answer: Answer = await (self.first or self.read)(request)
            return answer
        if found := re.fullmatch(r"/attachments/download/(\d+)", request.path):
            if not is_known:
                return web.Response(status=302, headers={"Location": "/login"})
            content = self.files.get(int(found[1]))
            return web.Response(status=404, text="<html>") if content is None else web.Response(body=content)
        if request.path.endswith("/issues.json"):
            return self._listed(request, is_known=is_known)
        for_all = ["/issue_statuses.json", *["/projects/telecom.json"][: self.is_public]]
        if not is_known and request.path not in for_all:
            return web.Response(status=401)
        return self._shown(request)

    def _shown(self, request: web.Request) -> Answer:
        match request.path.removesuffix(".json").split("/")[1:]:
            case ["custom_fields"]:
                return web.json_response({"custom_fields": self.fields}) if self.is_admin else web.Response(status=403)
            case ["issue_statuses"]:
                return web.json_response({"issue_statuses": self.statuses})
            case ["enumerations", "issue_priorities"]:
                return web.json_response({"issue_priorities": PRIORITIES})
            case ["users", "current"]:
                roles = [] if self.is_admin else [{"project": {"id": 1}, "id": 1, "roles": [{"id": 9}]}]
                return web.json_response({"user": {**GATEWAY, "admin": self.is_admin, "memberships": roles}})
            case ["roles", "9"]:
                return web.json_response({"role": {"id": 9, "permissions": sorted(self.may)}})
            case ["projects", "telecom"]:
                categories = [{"id": 1, "name": "Faults"}, {"id": 2, "name": "Billing"}]
                project = {"id": 1, "is_public": self.is_public, "issue_categories": categories}
                return web.json_response({"project": {**project, "trackers": [{"id": 3, "name": "Support"}]}})
            case ["projects", "1", "memberships"]:
                start = int(request.query["offset"])
                rows = [{"id": at, "user": one} for at, one in enumerate(self.members, 1)]
                page = {"memberships": rows[start : start + int(request.query["limit"])], "total_count": len(rows)}
                return web.json_response(page)
            case ["issues", number]:
                issue = self.found(number)
                return web.Response(status=404) if issue is None else web.json_response({"issue": self._whole(issue)})
        return web.Response(status=404)

    def found(self, number: str) -> dict[str, Any] | None:
        return next((one for one in self.issues if str(one["id"]) == number), None)

    def _whole(self, issue: dict[str, Any]) -> dict[str, Any]:
        sees_private = self.is_admin or "view_private_notes" in self.may
        journals = [one for one in issue["journals"] if sees_private or not one.get("private_notes")]
        return issue | {"journals": journals, "allowed_statuses": self.allowed or self.statuses}

    def _listed(self, request: web.Request, *, is_known: bool) -> Answer:
        if request.path != "/projects/telecom/issues.json":
            return web.Response(status=404)
        if not is_known:
            return web.json_response(_page([], 0, 25)) if self.is_public else web.Response(status=401)
        given = parse_qsl(request.query_string, keep_blank_values=True)
        fields = [value for name, value in given if name == "f[]"]
        values = {field: [value for name, value in given if name == f"v[{field}][]"] for field in fields}
        if sum(len(one.encode()) + 8 for some in values.values() for one in some) > _COOKIE or "\0" in str(values):
            return web.json_response({"status": 500, "error": "Internal Server Error"}, status=500)
        rows = self.issues if fields else [one for one in self.issues if not one["status"]["is_closed"]]
        for field in fields:
            if field != "status_id" and not values[field][0].strip():
                return web.json_response({"errors": [f"{field} cannot be blank"]}, status=422)
            rows = [row for row in rows if self._fits(row, field, request.query[f"op[{field}]"], values[field])]
        sort = request.query.get("sort", "id:desc")
        name = sort.partition(":")[0]
        rows = sorted(rows, key=lambda one: (one[name], one["id"]), reverse=":desc" in sort)
        limit, offset = min(int(request.query.get("limit", 25)), 100), int(request.query.get("offset", 0))
        shown = [{key: row[key] for key in row if key not in ("journals", "attachments")} for row in rows]
        return web.json_response(_page(shown[offset : offset + limit], len(rows), limit))

    def _fits(self, row: dict[str, Any], field: str, operator: str, values: list[str]) -> bool:
        if field == "issue_id":
            return str(row["id"]) in re.findall(r"\d+", values[0])
        if field == "status_id":
            return operator == "*" or str(row["status"]["id"]) not in values
        if field == "updated_on":
            return bool(row["updated_on"] >= values[0])
        number = int(field.removeprefix("cf_"))
        if not any(one["id"] == number and one["is_filter"] for one in self.fields):
            return True  # an unknown filter is ignored
        held = next((one["value"] for one in row["custom_fields"] if one["id"] == number), None)
        return any(one in values for one in (held if isinstance(held, list) else [held]))

    def _write(self, path: str, given: dict[str, Any]) -> Answer:
        if path == "/issues.json":
            return self._open(given)
        issue = self.found(path.split("/")[2].removesuffix(".json"))
        if issue is None:
            return web.Response(status=404)
        may = {"edit_issues", "add_issue_notes", "set_notes_private"} if self.is_admin else self.may
        details = []
        is_own = "edit_own_issues" in may and issue["author"] == GATEWAY
        if "edit_issues" in may or is_own:
            assigned = given.get("assigned_to_id")
            people = [one for one in [*self.members, GATEWAY] if one["id"] == assigned]
            if assigned is not None and (not people or assigned in self.cannot_be_assigned):
                return web.json_response({"errors": ["Assignee is invalid"]}, status=422)
            issue |= {"assigned_to": people[0]} if people else {}
            status = None if self.drops_status else given.get("status_id")
            for one in [one for one in self.statuses if one["id"] == status]:
                issue |= {"status": one} | ({"closed_on": "2026-11-29T10:00:00Z"} if one["is_closed"] else {})
            details = self._set(issue, given.get("custom_fields", []))
        if notes := given.get("notes") if "add_issue_notes" in may else None:
            private = bool(given.get("private_notes")) and "set_notes_private" in may
            self.journal(issue, notes, *details, private=private)
        elif details:
            self.journal(issue, None, *details)
        return web.Response(status=204)

    def _open(self, given: dict[str, Any]) -> Answer:
        if not given.get("subject", "").strip() or len(given["subject"]) > 255:
            return web.json_response({"errors": ["Subject cannot be blank"]}, status=422)
        issue = self.issue(customer="", subject=given["subject"])
        for one in given["custom_fields"]:
            if isinstance(one["value"], list) and not any(f["id"] == one["id"] and f["multiple"] for f in self.fields):
                self.issues.pop()
                return web.json_response({"errors": ["Serviceid is invalid"]}, status=422)
        self._set(issue, given["custom_fields"])
        issue["description"] = given["description"].replace("\r\n", "\n").replace("\n", "\r\n")
        issue["priority"] = next(one for one in PRIORITIES if one["id"] == given.get("priority_id", 2))
        if "category_id" in given:
            issue["category"] = {"id": given["category_id"], "name": {1: "Faults", 2: "Billing"}[given["category_id"]]}
        return web.json_response({"issue": issue}, status=201)

    def _set(self, issue: dict[str, Any], given: list[dict[str, Any]]) -> list[dict[str, Any]]:
        details = []
        for one in given:
            for held in [held for held in issue["custom_fields"] if held["id"] == one["id"]]:
                details.append({"property": "cf", "name": str(one["id"]), "new_value": one["value"]})
                held["value"] = one["value"]
        return details


def _page(rows: list[Any], total: int, limit: int) -> dict[str, Any]:
    return {"issues": rows, "total_count": total, "offset": 0, "limit": limit}


class Seeded(Redmine):
    """With two tickets of a customer, for the conformance suite."""

    def __init__(self) -> None:
        super().__init__()
        for service in ("S1", "S2"):
            self.issue(service=service, category={"id": 1, "name": "Faults"})


@asynccontextmanager
async def driving(
    redmine: Redmine, patience: float = 3, options: Mapping[str, Any] | None = None, **more: Any
) -> AsyncIterator[RedmineTicketing]:
    """The driver over this Redmine."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", redmine.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            system = System.model_validate({"url": url, "timeout": patience, "auth": RIGHT, **more})
            yield RedmineTicketing(HttpClient("ticketing", system, session), RedmineOptions(**options or {}))
    finally:
        await runner.cleanup()


Answering = Callable[[web.Request], Any]


def saying(status: int, body: Any = None) -> Answering:
    """An answer with this body, or without one."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status) if body is None else web.json_response(body, status=status)

    return answer
