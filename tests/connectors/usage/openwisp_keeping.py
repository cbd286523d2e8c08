"""An openwisp-radius that filters, pages and refuses as the live one does, and its driver before it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp
from aiohttp import web

from connectors.http.client import HttpClient
from connectors.settings import System
from connectors.usage.openwisp.driver import OpenwispUsage
from connectors.usage.openwisp.options import OpenwispOptions

NOW: Final = datetime(2026, 11, 16, 12, tzinfo=UTC)
SESSIONS: Final = "/api/v1/radius/sessions/"
USERS: Final = "/api/v1/users/user/"
GB: Final = 10**9


def at(day: int, hour: int = 0, month: int = 11) -> datetime:
    """A time of the year 2026, in UTC."""
    return datetime(2026, month, day, hour, tzinfo=UTC)


class Openwisp:
    """Keeps users and sessions. `asked` are the questions, without the host.

    `drops` are filters that it ignores, `Link` for that header, or `lists` for an address without any.
    """

    def __init__(self) -> None:
        self.users: list[dict[str, Any]] = []
        self.sessions: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.drops: set[str] = set()
        self.counted: Any = ...
        """What it says instead of the number of users."""
        self.after: list[Any] = []
        """What happens after an answer: the first one after the first answer ..."""
        self.holds: Callable[[], Awaitable[Any]] | None = None
        """What is waited for before each answer."""
        self.link = ""
        """The header Link of a list that is one page."""

    def user(self, name: str, customer: str = "C1", **more: Any) -> None:
        """Somebody joins."""
        row = {"id": f"id-{name}", "username": name, "last_name": customer, "first_name": "Kim", "is_active": True}
        self.users.insert(0, row | more)

    def session(
        self, name: str, start: datetime, hours: float | None = 1, gigabytes: float | None = 1.0, **more: Any
    ) -> dict[str, Any]:
        """A session that has ended, unless `stop_time` says otherwise. A tenth of its octets was sent."""
        seconds = None if hours is None else int(hours * 3600)
        octets = None if gigabytes is None else int(gigabytes * GB)
        sent = None if octets is None else octets // 10
        row = {
            "unique_id": f"u{len(self.sessions)}",
            "username": name,
            "groupname": "live-fib-100",
            "start_time": written(start),
            "stop_time": written(start + timedelta(seconds=seconds or 0)),
            "session_time": seconds,
            "input_octets": sent,
            "output_octets": None if octets is None or sent is None else octets - sent,
        } | more
        self.sessions.append(row)
        return row

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """As the live one."""
        self.asked.append(request.raw_path)
        if self.holds:
            await self.holds()
        found = self._answer(request)
        if self.after:
            self.after.pop(0)()
        return found

    def _answer(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") == "Bearer user":
            return web.json_response({"detail": "You do not have permission."}, status=403)
        if request.headers.get("Authorization") != "Bearer manager":
            return web.json_response({"detail": "Invalid token."}, status=401)
        if "lists" in self.drops:
            return web.json_response({"detail": "Not found."}, status=404)
        query = dict(request.query)  # of a repeated filter the last one counts
        size = min(int(query.get("page_size", 10)), 100)
        if request.path == USERS:
            return self._page(self.users, query, size, lambda rows: {"count": self._count(), "results": rows})
        if request.path != SESSIONS:
            return web.Response(status=404, text="<h1>Not Found</h1>", content_type="text/html")
        rows = sorted(self.sessions, key=lambda row: str(row["start_time"]), reverse=True)
        if (name := query.get("username")) and "username" not in self.drops:
            rows = [row for row in rows if row["username"] == name]
        if (stop := query.get("stop_time")) and "stop_time" not in self.drops:
            rows = [row for row in rows if row["stop_time"] and row["stop_time"] <= stop]
        answer = self._page(rows, query, size, lambda page: page)
        pages, page = -(-len(rows) // size), int(query.get("page", 1))
        if pages > 1 and "Link" not in self.drops:
            links = {"next": page + 1, "last": pages} if page < pages else {"first": 1}
            answer.headers["Link"] = ", ".join(
                f'<http://x{SESSIONS}?page={to}&username={name}>; rel="{rel}"' for rel, to in links.items()
            )
        elif self.link:
            answer.headers["Link"] = self.link
        return answer

    def _count(self) -> Any:
        return len(self.users) if self.counted is ... else self.counted

    @staticmethod
    def _page(rows: list[dict[str, Any]], query: Mapping[str, str], size: int, shape: Any) -> web.Response:
        page = int(query.get("page", 1))
        found = rows[(page - 1) * size : page * size]
        if page > 1 and not found:
            return web.json_response({"detail": "Invalid page."}, status=404)
        return web.json_response(shape(found))


def written(moment: datetime) -> str:
    """As openwisp-radius writes it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@asynccontextmanager
async def driving(
    server: Openwisp, *, path: str = "", token: str = "manager", settings: Any = None, **options: Any
) -> AsyncIterator[Any]:
    """The driver before this server, at `NOW`; `options` are its own, `settings` those of a system."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}{path}"
        auth = {"kind": "bearer", "token": token}
        system = System.model_validate({"url": url, "timeout": 20.0, "auth": auth, **(settings or {})})
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            http = HttpClient("usage", system, session)
            yield OpenwispUsage(http, OpenwispOptions.model_validate(options), lambda: NOW)
    finally:
        await runner.cleanup()
