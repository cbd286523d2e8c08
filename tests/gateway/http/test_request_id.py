"""Each request has an id: in its answer, and in the log's lines about it."""

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import pytest
from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.logs import JsonLines, TextLines
from resolvers.viewer import Viewer
from tests.gateway.http.small_graph import small_graph

OWN = re.compile(r"[0-9a-f]{32}")
"""An id that the gateway made."""
LONGEST = "a" * 128


@contextmanager
def logged(form: logging.Formatter) -> Iterator[io.StringIO]:
    """The log of errors, written in this form."""
    lines = io.StringIO()
    handler = logging.StreamHandler(lines)
    handler.setFormatter(form)
    logger = logging.getLogger("gateway.errors")
    logger.addHandler(handler)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)


async def answered(url: str, method: str = "POST", sent: str | None = None, **request: object) -> tuple[int, str]:
    """Status and id of the answer to `{ who }`, or to another request."""
    headers = {"Accept": "application/graphql-response+json"} | ({} if sent is None else {"X-Request-Id": sent})
    given = {"json": {"query": "{ who }"}} if method == "POST" else {}
    async with (
        aiohttp.ClientSession() as client,
        client.request(method, url, headers=headers, **{**given, **request}) as answer,  # type: ignore[arg-type]  # any
    ):
        (found,) = answer.headers.getall("X-Request-Id")
        return answer.status, found


@pytest.mark.parametrize("sent", ["x", "portal-7.2_B", LONGEST, "4bf92f3577b34da6a3ce929d0e0e4736"])
async def test_an_id_that_is_safe_is_kept(sent: str) -> None:
    async with small_graph() as url:
        assert await answered(url, sent=sent) == (200, sent)


@pytest.mark.parametrize("sent", ["", f"{LONGEST}a", "two words", "a,b", "<b>", 'a"b', "späť", "a/../b"])
async def test_any_other_is_replaced(sent: str) -> None:
    async with small_graph() as url:
        _, found = await answered(url, sent=sent)
    assert OWN.fullmatch(found)


async def test_every_answer_has_one_of_its_own() -> None:
    requests: list[tuple[int, str, dict[str, object]]] = [
        (200, "POST", {}),
        (200, "GET", {"params": {"query": "{ who }"}}),
        (200, "POST", {"json": {"query": "{ long }"}}),  # compressed
        (400, "POST", {"json": {"query": "{ nothing }"}}),
        (400, "POST", {"json": {"query": "{"}}),
        (400, "POST", {"json": []}),
        (405, "GET", {"params": {"query": "mutation { bump }"}}),
        (405, "PUT", {}),
        (415, "POST", {"json": None, "data": "{}"}),
    ]
    async with small_graph() as url:
        answers = [await answered(url, method, **request) for _, method, request in requests]
    assert [status for status, _ in answers] == [status for status, _, _ in requests]
    ids = {found for _, found in answers}
    assert len(ids) == len(requests)
    assert all(map(OWN.fullmatch, ids))


async def test_the_page_has_one_too() -> None:
    async with (
        small_graph(page=lambda _: HTMLResponse("<html>")) as url,
        aiohttp.ClientSession() as client,
        client.get(url, headers={"Accept": "text/html"}) as answer,
    ):
        assert answer.content_type == "text/html"
        assert OWN.fullmatch(answer.headers["X-Request-Id"])


async def test_a_fault_of_a_field_is_found_in_the_log_by_it() -> None:
    with logged(JsonLines()) as lines:
        async with small_graph() as url:
            _, own = await answered(url, json={"query": "{ bug }"})
            await answered(url, sent="from-the-portal", json={"query": "{ bug unwritable }"})
    found = [json.loads(line) for line in lines.getvalue().splitlines()]
    assert [line["request"] for line in found] == [own, "from-the-portal", "from-the-portal"]
    assert all("secret" in line["exception"] for line in found)


async def test_a_fault_outside_of_fields_is_found_in_the_log_by_it() -> None:
    async def broken(request: Request) -> Viewer:
        raise RuntimeError("secret")

    with logged(TextLines()) as lines:
        async with small_graph(authenticate=broken) as url:
            assert await answered(url, sent="from-the-portal") == (500, "from-the-portal")
    first = lines.getvalue().splitlines()[0]
    assert re.fullmatch(r"\d\d:\d\d:\d\d ERROR   gateway\.errors: Unexpected error .* \[from-the-portal\]", first)


def test_a_line_about_no_request_names_none() -> None:
    with logged(JsonLines()) as lines, logged(TextLines()) as text:
        logging.getLogger("gateway.errors").warning("Something else.")
    assert "request" not in json.loads(lines.getvalue())
    assert text.getvalue().endswith("gateway.errors: Something else.\n")
