"""Whose credentials a call has, and that with those of callers nothing is shared."""

from contextvars import ContextVar
from typing import Any

from aiohttp import web

from connectors.crm.port import CrmPort
from connectors.http.health import Health, SystemStatus
from connectors.http.scope import RequestScope, current_loader, current_scope
from connectors.settings import System
from connectors.sharing.port import share_reads
from tests.connectors.canned import Canned, canned, reading
from tests.connectors.sharing.many_asking import NAME, asking, crm, customers


async def test_not_shared_when_the_settings_say_so() -> None:
    async with crm(share=False) as (c, held):
        several = [asking(customers("1"), c) for _ in range(3)]
        await held.calls(3)
        held.let(3)
        for one in several:
            await one
            assert [call.shared for call in one.calls] == [False]


async def test_per_user_credentials_share_nothing_and_each_shows_its_own() -> None:
    async with crm(auth={"kind": "forward"}) as (c, held):
        several = [asking(customers("1"), c, token=token) for token in ("ada", "bob", "bob")]
        await held.calls(3)
        held.let(3)
        for one in several:
            await one
            assert [call.shared for call in one.calls] == [False]
        assert held.asked == [["1"]] * 3


async def shown(server: Canned) -> list[str | None]:
    return [headers.get("Authorization") for headers in server.headers]


async def test_the_callers_token_is_passed_on_and_without_one_no_credentials() -> None:
    async with canned(customer="[]") as server, reading(server, auth={"kind": "forward"}) as c:
        for token in ("ada", "bob", None):
            await asking(customers("1"), c, token=token)
        await c.crm.customers(["1"], NAME)
        await c.systems[0].probe.probe()
        assert await shown(server) == ["Bearer ada", "Bearer bob", None, None, None]


async def test_a_caller_who_is_refused_says_nothing_about_the_system() -> None:
    async def refuse(request: web.Request) -> web.Response:
        good = request.headers.get("Authorization") == "Bearer good"
        return web.json_response([]) if good else web.Response(status=401)

    async with canned(customer=refuse) as server, reading(server, auth={"kind": "forward"}) as c:
        await asking(customers("1"), c, token="good")
        for _ in range(3):
            assert (await asking(customers("1"), c, token="bad"))["1"].code == "UPSTREAM_REFUSED"
        assert c.systems[0].probe.http.health.status is SystemStatus.UP
        assert len(server.seen) == 4


def test_a_token_is_in_no_text() -> None:
    scope = RequestScope.lasting(1)
    scope.token = "secret"
    assert "secret" not in repr(scope)


async def test_the_call_runs_in_nobodys_context() -> None:
    mine: ContextVar[str] = ContextVar("mine", default="nobody's")
    seen: list[str] = []

    class Driver:
        async def customers(self, ids: Any, _fields: Any) -> dict[str, Any]:
            scope = current_scope.get()
            seen.append(f"{mine.get()} {current_loader.get()!r} {scope and scope.token}")
            return {}

    line = share_reads(Driver(), CrmPort, System.model_validate({"url": "http://crm.example"}), Health("crm"))

    async def ask(_connectors: Any) -> Any:
        mine.set("Ada's")
        current_loader.set("CustomerById")
        return await line.customers(["1"], NAME)  # type: ignore[attr-defined]

    assert await asking(ask, None, token="Ada's") == {}
    assert seen == ["nobody's '' None"]
