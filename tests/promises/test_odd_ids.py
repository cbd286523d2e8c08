"""Ids as systems make them: each is found again by what the gateway gives out for it, and is nothing else."""

from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import pytest
from aiohttp import web

from tests.connectors.canned import Answering, canned
from tests.stack import Stack, stacked

ODD = [
    *("a/b", "/", "//", "..", ".", "...", "../x", "a/../b", "50%", "%2F", "%252F", "a?b=c", "a#b", "a b", " ", "a+b"),
    *("a;b", "a&b=c", "ü/Ω", "日本", "a:b", "Bill:1", "~2F", "a~b", "a\\b", "'\"", "<b>", "[1]", "{}", "*", "a,b"),
]

STEPS = (".", "..")
"""They have no address of their own in a system that is asked by address: it would be the list's, or what is above."""


class _Bills(dict[str, Any]):
    """A system that has one bill with each of these ids, whose addresses and filters it decodes as servers do."""

    def get(self, _last: str, _default: object = None) -> Answering:
        return self.answer

    async def answer(self, request: web.Request) -> web.Response:
        path, _, query = request.raw_path.partition("?")
        key = path.partition("/v4/customerBill")[2]
        if key:
            ident = unquote(key[1:])
            return web.json_response(_bill(ident)) if "/" not in key[1:] and ident in ODD else web.Response(status=404)
        given = [unquote(part.partition("=")[2]) for part in query.split("&") if part.startswith("id=")]
        wanted = [one for value in given for one in value.split(",")] or ODD
        return web.json_response([_bill(one) for one in ODD if one in wanted])


def _bill(ident: str) -> dict[str, Any]:
    content = {"id": ident, "name": ident, "content": _base64(ident)}
    return {
        "id": ident,
        "relatedParty": [{"id": "1001", "role": "Customer", "@referredType": "Customer"}],
        "billDocument": [{"id": "1", "content": _base64("not this")}, content],
    }


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("profile", "but"),
    [({}, ()), ({"id_list": "none"}, STEPS), ({"filters": ["relatedParty.id"]}, STEPS)],
    ids=["lists", "one value", "by address"],
)
async def test_each_odd_id_is_found_again(tmp_path: Path, profile: dict[str, Any], but: tuple[str, ...]) -> None:
    """A document by its address, a bill by its global id and as an argument, alone and among all others."""
    async with canned() as server:
        server.answers = _Bills()
        billing = {"url": server.url, "profile": profile}
        async with stacked(tmp_path, customers=2, systems={"billing": billing}) as stack:
            found = [one for one in ODD if one not in but]
            for odd in found:
                await _is_found(stack, odd)
            ids = [f"Bill:{odd}" for odd in found]
            nodes = await stack.ask("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", "1001", ids=ids)
            assert [one and one["id"] for one in nodes.clean()["nodes"]] == ids


async def _is_found(stack: Stack, odd: str) -> None:
    document = """query($bill: ID!, $node: ID!) {
        bill(id: $bill) { id documents { name url } }
        node(id: $node) { id }
    }"""
    variables = {"bill": f"Bill:{odd}" if odd.startswith("Bill:") else odd, "node": f"Bill:{odd}"}
    found = (await stack.ask(document, "1001", **variables)).clean()
    assert found["bill"] is not None, odd
    assert (found["bill"]["id"], found["node"]["id"]) == (f"Bill:{odd}", f"Bill:{odd}")
    file = found["bill"]["documents"][1]
    assert file["name"] == odd
    assert quote(file["url"], safe="/:~") == file["url"], "nobody on the way has anything to decode"
    for who, status in (("1001", 200), ("1002", 404)):
        async with stack.session.get(f"{stack.address}{file['url']}", headers=stack.headers(who)) as answer:
            assert answer.status == status, (odd, file["url"])
            assert status == 404 or await answer.text() == odd
