"""The gateway as it is put together: health, documents, who may trace, and clients that hang up."""

import asyncio
import cProfile
import gc
import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.app import create_app
from gateway.http.media_types import accepted_coding, accepts_events, accepts_gzip, accepts_html, negotiate
from gateway.server_settings import ConnectionLimits
from gateway.settings import GraphQLSettings, ServerSettings, Settings
from tests.stack import DOMAINS, Stack, stacked


async def get(stack: Stack, path: str, who: str | None = None) -> tuple[int, Mapping[str, str], bytes]:
    async with stack.session.get(f"{stack.address}{path}", headers=stack.headers(who)) as answer:
        return answer.status, answer.headers, await answer.read()


async def test_health_says_what_it_knows(stack: Stack) -> None:
    stack.systems["billing"].stop()
    await stack.ask("{ me { name accounts { id } } }", "1001")
    status, _, body = await get(stack, "/healthz")
    assert (status, body) == (200, b'{"status":"ok"}')

    async with stack.session.get(f"{stack.address}/readyz") as answer:
        ready = await answer.json()
        assert answer.status == 200
    assert ready["status"] == "ready"
    assert list(ready["systems"]) == list(DOMAINS)
    assert (ready["systems"]["crm"], ready["systems"]["billing"]) == ("up", "down")


async def test_metrics_say_what_executed_operations_and_why_not_a_plan(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=4, server=ServerSettings(metrics=True)) as stack:
        for document in ("{ me { id } }", "{ me { id name } }", "{ __schema { queryType { name } } }", "{ nothing }"):
            await stack.ask(document, "1001")
        await stack.ask("query ($no: Boolean = true) { me { id @skip(if: $no) } }", "1001", no=None)
        status, headers, body = await get(stack, "/metrics")

    counted = dict(line.rsplit(" ", 1) for line in body.decode().splitlines() if not line.startswith("#"))
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=")
    assert counted['gateway_operations_total{executor="plan"}'] == "3.0"
    assert counted['gateway_operations_total{executor="graphql-core"}'] == "1.0"
    assert counted['gateway_fallbacks_total{reason="a null in @skip or @include"}'] == "1.0"


async def test_a_clients_words_are_no_metrics(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=4, server=ServerSettings(metrics=True)) as other:
        for n in range(5):
            document = f"query($mine{n}: Boolean = true) {{ __typename @skip(if: $mine{n}) }}"
            await other.ask(document, None, **{f"mine{n}": None})
        async with other.session.get(f"{other.address}/metrics") as answer:
            lines = [line for line in (await answer.text()).splitlines() if line.startswith("gateway_fallbacks_total")]

    assert lines == ['gateway_fallbacks_total{reason="a null in @skip or @include"} 5.0']


async def test_metrics_are_closed_unless_opened(stack: Stack) -> None:
    assert (await get(stack, "/metrics"))[0] == 404


async def test_a_bill_comes_as_a_file_to_its_owner_only(stack: Stack) -> None:
    document = '{ bill(id: "BILL-1001-1-05") { number documents { name mimeType url } } }'
    bill = (await stack.ask(document, "1001")).clean()["bill"]
    (file,) = bill["documents"]
    assert file["url"].startswith("/documents/Bill:BILL-1001-1-05/")

    status, headers, body = await get(stack, file["url"], "1001")
    assert status == 200
    assert headers["Content-Type"] == file["mimeType"] == "application/pdf"
    assert file["name"] in headers["Content-Disposition"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert body.startswith(b"%PDF-")
    assert bill["number"].encode() in body

    missing = await get(stack, file["url"].replace("1001-1-05", "1001-9-99"), "1001")
    foreign = await get(stack, file["url"], "1002")
    assert (foreign[0], foreign[2]) == (missing[0], missing[2])
    assert foreign[0] == 404
    ids = {found["X-Request-Id"] for found in (headers, missing[1], foreign[1])}
    assert len(ids) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in ids)
    assert (await get(stack, file["url"], "agent"))[2] == body
    assert (await get(stack, file["url"]))[0] == 401
    assert (await get(stack, "/documents/Customer:1001/1", "1001"))[0] == 404
    assert (await get(stack, "/documents/nonsense/1", "1001"))[0] == 404


async def test_attachments_come_inline_or_from_the_system(stack: Stack) -> None:
    document = '{ ticket(id: "TT-1001-1") { attachments { name mimeType url } } }'
    attachments = (await stack.ask(document, "1001")).clean()["ticket"]["attachments"]

    assert len(attachments) == 2
    for one in attachments:
        status, headers, body = await get(stack, one["url"], "1001")
        assert status == 200
        assert headers["Content-Type"].split(";")[0] == one["mimeType"]
        assert len(body) > 20
        assert (await get(stack, one["url"], "1002"))[0] == 404


BILL_FILE = "/documents/Bill:BILL-1001-1-05/DOC-BILL-1001-1-05"


def refusal(body: bytes) -> dict[str, Any]:
    """The extensions of an answer that is one error."""
    (error,) = json.loads(body)["errors"]
    extensions: dict[str, Any] = error["extensions"]
    return extensions


async def test_a_download_reads_the_record_once_and_then_the_file(stack: Stack) -> None:
    assert (await get(stack, BILL_FILE, "1001"))[0] == 200
    asked = list(stack.systems["billing"].requests)
    assert len(asked) == 2, asked


async def test_head_says_what_get_would(stack: Stack) -> None:
    _, headers, _ = await get(stack, BILL_FILE, "1001")
    url = f"{stack.address}{BILL_FILE}"
    async with stack.session.head(url, headers=stack.headers("1001")) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
        assert answer.headers["Content-Type"] == headers["Content-Type"]
        assert answer.headers["Content-Disposition"] == headers["Content-Disposition"]
    async with stack.session.head(url, headers=stack.headers("1002")) as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("switches", "status", "code"),
    [
        ({"error_rate": 1, "error_status": 429}, 503, "UPSTREAM_RATE_LIMITED"),
        ({"error_rate": 1, "error_status": 500}, 502, "UPSTREAM_FAILED"),
        ({"html": True}, 502, "UPSTREAM_GARBLED"),
    ],
)
async def test_a_file_that_its_system_does_not_give(
    stack: Stack, switches: dict[str, Any], status: int, code: str
) -> None:
    await a_file_is_refused(stack, switches, status, code)


async def test_a_file_of_a_system_that_hangs(impatient: Stack) -> None:
    await a_file_is_refused(impatient, {"hang": True}, 504, "UPSTREAM_TIMEOUT")


async def a_file_is_refused(stack: Stack, switches: dict[str, Any], status: int, code: str) -> None:
    for name, value in switches.items():
        setattr(stack.systems["billing"].switches, name, value)
    answered, headers, body = await get(stack, BILL_FILE, "1001")
    assert (answered, headers["Content-Type"]) == (status, "application/json; charset=utf-8")
    assert refusal(body) == {"code": code, "system": "billing", "retryable": True}


async def test_a_file_behind_a_lost_system_is_a_502(stack: Stack) -> None:
    stack.systems["billing"].stop()
    status, _, body = await get(stack, BILL_FILE, "1001")

    assert status == 502
    assert refusal(body) == {"code": "UPSTREAM_UNAVAILABLE", "system": "billing", "retryable": True}
    assert b"127.0.0.1" not in body


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", BILL_FILE, {"GET", "HEAD"}),
        ("DELETE", "/healthz", {"GET", "HEAD"}),
        ("PUT", "/graphql", {"GET", "POST"}),
        ("GET", "/nothing", None),
        ("POST", "/documents", None),
    ],
)
async def test_wrong_addresses_and_methods_are_answered_in_json(
    stack: Stack, method: str, path: str, allowed: set[str] | None
) -> None:
    async with stack.session.request(method, f"{stack.address}{path}", headers=stack.headers("1001")) as answer:
        assert answer.status == (405 if allowed else 404)
        assert refusal(await answer.read()) == {"code": "METHOD_NOT_ALLOWED" if allowed else "NOT_FOUND"}
        assert set(filter(None, answer.headers.get("Allow", "").split(", "))) == (allowed or set())


async def test_who_hangs_up_on_a_file_ends_the_call_to_its_system(stack: Stack) -> None:
    """Also before the first byte, when the system still looks for the record or the file."""
    billing = stack.systems["billing"]
    billing.switches.hang = True
    billing.app.hanging.clear()
    billing.app.abandoned.clear()
    asking = asyncio.create_task(get(stack, BILL_FILE, "1001"))
    assert await asyncio.to_thread(billing.app.hanging.wait, 5)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert await asyncio.to_thread(billing.app.abandoned.wait, 1.0)


async def test_one_caller_is_sent_a_few_documents_at_a_time(stack: Stack) -> None:
    """And others are sent theirs. The system holds the first ones up."""
    crowd = ConnectionLimits().downloads_per_caller
    billing = stack.systems["billing"]
    billing.switches.hang = True
    waiting = {asyncio.create_task(get(stack, BILL_FILE, "1001")) for _ in range(crowd + 1)}
    try:
        (one_too_many,), waiting = await asyncio.wait(waiting, timeout=10, return_when=asyncio.FIRST_COMPLETED)
        status, headers, body = one_too_many.result()
        assert (status, headers["Retry-After"]) == (429, "1")
        assert refusal(body) == {"code": "LIMIT_EXCEEDED", "retryable": True}
        billing.switches.hang = False
        assert (await get(stack, BILL_FILE.replace("1001", "1002"), "1002"))[0] == 200
    finally:
        for one in waiting:
            one.cancel()
        await asyncio.wait(waiting)


async def test_only_staff_sees_the_trace(tmp_path: Path) -> None:
    async with stacked(tmp_path, customers=2, graphql=GraphQLSettings()) as closed:
        subscriber = await closed.ask("{ me { name } }", "1001")
        agent = await closed.ask('{ customer(id: "1001") { name } }')
        headers = {"Authorization": closed.headers("agent")["Authorization"]}
        body = {"query": '{ customer(id: "1001") { name } }'}
        async with closed.session.post(f"{closed.address}/graphql", json=body, headers=headers) as answer:
            unasked = await answer.json()

    assert "extensions" not in subscriber.body
    assert [call["system"] for call in agent.calls] == ["crm"]
    assert "extensions" not in unasked


async def test_a_subscribers_trace_does_not_say_what_was_asked_for(tmp_path: Path) -> None:
    """On the way to what is shown lies what may not be: others' tickets in an outage, a bill of somebody else."""
    document = '{ bill(id: "BILL-1002-1-05") { id } outages { nodes { tickets { totalCount } } } }'
    graphql = GraphQLSettings(trace="signed-in")
    async with stacked(tmp_path, customers=30, graphql=graphql) as stack:
        own = await stack.ask(document, "1001")
        staff = await stack.ask(document)

    assert not [call for call in own.calls if call["keys"] or "?" in call["path"] or "bytes" in call]
    assert "1002" not in str(own.calls)
    assert sorted(call["loader"] for call in own.calls) == [
        "BillById",
        "BillingAccountById",
        "OutagesByState",
        "TicketById",
    ]
    assert "BILL-1002-1-05" in str(staff.calls)


async def test_staff_questions_are_refused_to_subscribers(stack: Stack) -> None:
    document = "{ customers { totalCount } resources { totalCount } systems { name } me { id } }"
    answer = await stack.ask(document, "1001")

    assert answer.data == {"customers": None, "resources": None, "systems": None, "me": {"id": "Customer:1001"}}
    assert [error["extensions"]["code"] for error in answer.errors] == ["FORBIDDEN"] * 3
    assert answer.calls == []


async def test_without_a_token_nothing_is_public(stack: Stack) -> None:
    for document in ("{ outages { totalCount } }", "{ viewer { kind } }", '{ node(id: "Customer:1001") { id } }'):
        answer = await stack.ask(document, None)
        assert answer.status == 401
        assert answer.errors[0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert (await stack.ask("{ __typename }", None)).data == {"__typename": "Query"}


async def test_a_client_that_hangs_up_ends_its_upstream_calls(stack: Stack) -> None:
    """The system sees its connection closed while it is still thinking, not after the gateway's timeout."""
    billing = stack.systems["billing"]
    billing.switches.hang = True
    billing.app.hanging.clear()
    billing.app.abandoned.clear()
    asking = asyncio.create_task(stack.ask("{ me { accounts { id } } }", "1001"))
    assert await asyncio.to_thread(billing.app.hanging.wait, 5)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert await asyncio.to_thread(billing.app.abandoned.wait, 1.0)


async def test_who_hangs_up_leaves_no_errors_in_the_log(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    document = "{ customers(first: 20) { nodes { accounts { id } bills { totalCount } tickets { totalCount } } } }"
    billing = stack.systems["billing"]
    billing.switches.hang = True
    billing.app.hanging.clear()
    billing.app.abandoned.clear()
    asking = asyncio.create_task(stack.ask(document))
    assert await asyncio.to_thread(billing.app.hanging.wait, 5)
    asking.cancel()
    assert await asyncio.to_thread(billing.app.abandoned.wait, 5)
    gc.collect()  # what nobody looked at is logged when it goes

    assert [one.getMessage() for one in caplog.records if one.levelno >= logging.ERROR] == []


def test_nobody_is_believed_by_default() -> None:
    systems = {name: {"url": "http://127.0.0.1:1"} for name in DOMAINS}
    with pytest.raises(ValueError, match="auth is not set"):
        create_app(Settings.model_validate({"systems": systems}))


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("br, deflate", False),
        ("gzip;q=0", False),
        ("gzip ; q=0.000, br", False),
        ("", False),
        ("br, , ,gzip", True),
        (", " * 99 + "gzip", True),
        (", " * 100 + "gzip", False),
    ],
)
def test_which_clients_take_gzip(accepted: str, taken: bool) -> None:
    """Of a list the first hundred entries count, with empty ones."""
    assert accepts_gzip(accepted) == taken


def test_an_endless_list_is_not_read_to_its_end() -> None:
    """Counted, as time says nothing: each entry that is read is a call, and before there were 16,000 of them."""
    endless = ", " * 16_000
    for read in (negotiate, accepts_html, accepts_events, accepts_gzip, accepted_coding):
        counted = cProfile.Profile()
        counted.runcall(read, endless)
        assert sum(one.callcount for one in counted.getstats()) < 1000, read


async def test_answers_are_compressed(stack: Stack) -> None:
    headers = stack.headers("agent") | {"Accept-Encoding": "gzip"}
    body = {"query": "{ customers(first: 50) { nodes { id name email } } }"}
    session: aiohttp.ClientSession
    async with (
        aiohttp.ClientSession(auto_decompress=False) as session,
        session.post(f"{stack.address}/graphql", json=body, headers=headers) as answer,
    ):
        packed = await answer.read()
        assert answer.headers["Content-Encoding"] == "gzip"
    plain = await stack.ask(body["query"])
    assert len(packed) < len(str(plain.body)) / 3


@pytest.mark.parametrize(
    ("lines", "coding"),
    [(["br", "gzip"], "gzip"), (["br, gzip;q=0.5"], "gzip"), (["gzip;q=0", "br"], None), (["notgzip"], None)],
)
async def test_other_answers_are_compressed_for_those_who_accept_it(
    tmp_path: Path, lines: list[str], coding: str | None
) -> None:
    """Several lines are one list, and a weight of 0 is no."""
    headers = [("Accept-Encoding", line) for line in lines]
    async with (
        stacked(tmp_path, customers=2, server=ServerSettings(metrics=True)) as other,
        other.session.get(f"{other.address}/metrics", headers=headers) as answer,
    ):
        assert (answer.status, answer.headers.get("Content-Encoding")) == (200, coding)
        assert answer.headers["Vary"] == "Accept-Encoding"
