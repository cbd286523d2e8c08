"""Every attribute of every system's rows takes values at the edge of its type: no unexpected error, ever.

TM Forum's systems are asked through the whole graph, over HTTP: a server between the gateway and the sandbox puts the
value into each row of an answer. The products' recorded answers are changed in the same way, and their drivers asked.
"""

import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import pytest
from aiohttp import web
from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    build_client_schema,
    get_introspection_query,
    get_named_type,
    is_leaf_type,
)

from gateway.files_settings import FilesSettings
from gateway.settings import GraphQLSettings
from tests.edges import JSON_EDGES, TIMES, Place, paths, with_edge
from tests.stack import stacked


class Between:
    """A server that hands on a system's answers, with the value in one place of one resource's."""

    def __init__(self, system: str) -> None:
        self.system, self.url = system, ""
        self.seen: dict[tuple[str, Place], None] = {}
        self.edge: tuple[str, Place, str] | None = None
        self.hits = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        kept = {name: value for name, value in request.headers.items() if name in ("Content-Type", "Accept")}
        async with (
            aiohttp.ClientSession(auto_decompress=True) as session,
            session.request(
                request.method, f"{self.system}{request.raw_path}", data=body or None, headers=kept
            ) as answer,
        ):
            found = await answer.read()
            total = {k: v for k, v in answer.headers.items() if k in ("X-Total-Count", "Link")}
        if answer.content_type == "application/json" and answer.status < 300:
            rows = json.loads(found)
            resource = self._resource(request)
            if self.edge is None:
                self.seen.update(dict.fromkeys((resource, one) for one in paths(rows)))
            elif self.edge[0] == resource:
                found, self.hits = with_edge(rows, self.edge[1], self.edge[2]), self.hits + 1
        return web.Response(status=answer.status, body=found, content_type=answer.content_type, headers=total)

    @staticmethod
    def _resource(request: web.Request) -> str:
        return "/".join(request.path.strip("/").split("/")[:4])


@asynccontextmanager
async def between(system: str) -> AsyncIterator[Between]:
    one = Between(system)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", one.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        one.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield one
    finally:
        await runner.cleanup()


OPERATIONS: Final[dict[str, list[str]]] = {
    "crm": [
        "{ customer(id: 1001) { %Customer products { totalCount nodes { %Product } } } }",
        "{ customers(first: 3) { totalCount nodes { %Customer } } }",
    ],
    "billing": [
        """{ customer(id: 1001) { accounts { %BillingAccount payments { totalCount nodes { %Payment } } }
             bills { totalCount nodes { %Bill charges { %BillCharge } payments { %Payment } } }
             usage { %UsageAllowance } } }""",
    ],
    "inventory": [
        """{ customer(id: 1001) { services { totalCount nodes { %Service site { %Site } resources { %Resource } } } }
             }""",
        "{ resources(first: 3) { totalCount nodes { %Resource } } }",
    ],
    "ticketing": [
        "{ customer(id: 1001) { tickets { totalCount nodes { %Ticket services { id } } } } }",
        "{ outages(first: 5) { totalCount nodes { %Outage affectedServices { nodes { id } } } } }",
    ],
}
"""What is asked of each system: %Type stands for all that a type holds itself."""


def own(schema: GraphQLSchema, name: str) -> str:
    """All that a type holds itself: its leaves, and objects such as money or notes that are no records of their own."""
    kind = schema.get_type(name)
    assert isinstance(kind, GraphQLObjectType)
    parts = []
    for field, one in kind.fields.items():
        named = get_named_type(one.type)
        if one.args:
            continue
        if is_leaf_type(named):
            parts.append(field)
        elif (
            isinstance(named, GraphQLObjectType)
            and not named.interfaces
            and not {"nodes", "pageInfo"} & set(named.fields)
        ):
            parts.append(f"{field} {{ {own(schema, named.name)} }}")
    return " ".join(["__typename", *parts])


def everything(schema: GraphQLSchema, document: str) -> str:
    """The document with all fields of its types."""
    return re.sub(r"%(\w+)", lambda found: own(schema, found[1]), document)


@pytest.mark.parametrize("version", ["v4", pytest.param("v5", marks=pytest.mark.long)])
@pytest.mark.parametrize("domain", list(OPERATIONS))
async def test_no_value_of_any_attribute_is_an_unexpected_error(
    domain: str, version: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unexpected: list[str] = []
    chosen, tried = random.Random(f"{domain} {version} {TIMES}"), 0
    graphql = GraphQLSettings(introspection="everyone")
    files = FilesSettings(signed_for=300, key="a key of thirty-two characters .")
    async with stacked(tmp_path, customers=2, graphql=graphql, files=files) as plain:
        system = plain.systems[domain]
        system.switches.version = version
        async with between(system.url) as server:
            given = {domain: {"url": server.url, "profile": {"version": version}, "share": False}}
            async with stacked(tmp_path, customers=2, graphql=graphql, files=files, systems=given) as stack:
                schema = build_client_schema((await stack.ask(get_introspection_query())).clean())
                documents = [everything(schema, one) for one in OPERATIONS[domain]]
                for document in documents:
                    assert (await stack.ask(document)).errors == [], document
                places = list(server.seen)
                for resource, path in places if TIMES > 1 else chosen.sample(places, 8):
                    for raw in JSON_EDGES if TIMES > 1 else chosen.sample(JSON_EDGES, 1):
                        server.edge = resource, path, raw
                        tried += 1
                        for document in documents:
                            answer = await stack.ask(document)
                            codes = {error["extensions"]["code"] for error in answer.errors}
                            if "INTERNAL" in codes or answer.status == 500:
                                unexpected.append(f"{resource} {'.'.join(path)} = {raw[:60]}")
    assert unexpected == []
    assert len(places) > 20
    assert server.hits >= tried / 2
    if TIMES > 1:
        with capsys.disabled():
            print(f"\n{domain} {version}: {len(places)} places in rows, {tried} values, INTERNAL 0")
