"""Systems reached by mutual TLS, a private authority and a proxy, and what happens when the files change meanwhile."""

import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from connectors import connect
from connectors.conformance.wire import wire_to
from connectors.errors import ConnectorError, Unreachable
from connectors.http.through import through
from connectors.network import NetworkSettings
from connectors.settings import System
from tests.certificates import Authority, authority
from tests.connectors.asking import connected
from tests.connectors.canned import canned, reading
from tests.systems import Systems, asked
from tests.tls import proxy, secured, server_context

NAME = frozenset({"name"})
HERE = ["127.0.0.1"]


@pytest.fixture(scope="module")
def ours() -> Authority:
    return authority("Operator CA")


@pytest.fixture
def mutual(tmp_path: Path, ours: Authority) -> dict[str, Any]:
    """Settings of mutual TLS with an encrypted key."""
    ours.signs("gateway").write(tmp_path, "gateway", "open sesame")
    (tmp_path / "ca.pem").write_bytes(ours.pem)
    (tmp_path / "passphrase").write_text("open sesame\n")
    return {
        "ca_file": tmp_path / "ca.pem",
        "certificate_file": tmp_path / "gateway.pem",
        "key_file": tmp_path / "gateway.key",
        "passphrase_file": tmp_path / "passphrase",
    }


async def outcome(c: Any) -> Any:
    found = (await c.crm.customers(["1001"], NAME))["1001"]
    return found if isinstance(found, ConnectorError) else found.id


async def test_mutual_tls_with_a_private_authority_through_a_proxy(
    systems: Systems, tmp_path: Path, ours: Authority, mutual: dict[str, Any]
) -> None:
    context = server_context(ours.signs("crm", HERE), tmp_path, clients=ours)
    async with secured(systems["crm"].url, context) as url, proxy("gateway:hu@sh") as passing:
        given = f"http://gateway:hu%40sh@127.0.0.1:{passing.port}"
        (tmp_path / "proxy").write_text(f"{given}\n")
        network = {**mutual, "proxy_file": tmp_path / "proxy", "min_tls": "1.3"}
        async with connected(systems, crm={"url": url, "network": network}) as c:
            assert [await outcome(c), await outcome(c)] == ["1001", "1001"]
            assert passing.lines == [
                f"CONNECT {url.removeprefix('https://')} HTTP/1.1"
            ]  # one, for a connection is kept
            assert len(asked(systems["crm"])) == 2
            for lacking in ("certificate_file", "ca_file"):
                less = {name: one for name, one in mutual.items() if name == "ca_file" or lacking == "ca_file"}
                less.pop(lacking, None)
                async with connected(systems, crm={"url": url, "network": less}) as without:
                    assert type(await outcome(without)) is Unreachable
            passing.status = 407
            async with connected(systems, crm={"url": url, "network": network}) as refused:
                failure = await outcome(refused)
    assert isinstance(failure, Unreachable)
    assert failure.detail.endswith("the proxy answered 407")
    assert failure.nothing_sent
    assert "hu@sh" not in repr(failure) + repr(c.systems)


async def test_a_proxy_for_plain_http_gets_its_credentials_and_the_system_does_not(tmp_path: Path) -> None:
    async with (
        canned(customer='[{"id": "1001", "name": "A"}]') as server,
        proxy("gateway:hush") as passing,
        reading(server, network={"proxy": passing.address}) as c,
    ):
        assert await outcome(c) == "1001"
        passing.wants = "gateway:other"
        assert type(await outcome(c)) is Unreachable
    assert [line.split("?")[0] for line in passing.lines[:1]] == [
        f"GET {server.url}/tmf-api/customerManagement/v4/customer"
    ]
    assert len(server.headers) == 1
    assert "Proxy-Authorization" not in server.headers[0]


async def test_certificates_are_read_again_when_they_change(
    systems: Systems, tmp_path: Path, ours: Authority, mutual: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    theirs = authority("Next CA")
    ours_there = server_context(ours.signs("crm", HERE), tmp_path, clients=ours)
    next_there = server_context(theirs.signs("crm", HERE), tmp_path, clients=theirs)
    async with (
        secured(systems["crm"].url, ours_there) as now,
        secured(systems["crm"].url, next_there) as later,
        aiohttp.ClientSession() as session,
    ):
        reached = through(NetworkSettings.model_validate(mutual), session)

        async def asks(address: str) -> bool:
            try:
                async with reached.get(f"{address}/tmf-api/customerManagement/v4/customer") as answer:
                    return answer.status < 300
            except aiohttp.ClientError:
                return False

        assert [await asks(now), await asks(later)] == [True, False]
        made = theirs.signs("gateway")
        (tmp_path / "ca.pem").write_bytes(theirs.pem)
        (tmp_path / "gateway.pem").write_bytes(made.pem)  # and the key comes a little later
        with caplog.at_level(logging.WARNING):
            assert [await asks(now), await asks(now), await asks(later)] == [True, True, False]
        (logged,) = [one.getMessage() for one in caplog.records if one.name == "gateway.systems"]
        assert logged.startswith(f"key_file: {tmp_path}/gateway.key: is not the key of the certificate in")
        assert logged.endswith("; the certificates from before stay in use")
        (tmp_path / "gateway.key").write_bytes(made.key_pem())
        assert [await asks(now), await asks(later)] == [False, True]


async def test_without_a_network_the_session_is_the_session_itself() -> None:
    async with aiohttp.ClientSession() as session:
        assert through(NetworkSettings(), session) is session
        assert through(NetworkSettings.model_validate({"min_tls": "1.2"}), session) is not session


async def test_a_driver_is_tested_over_the_network_of_its_system(
    systems: Systems, tmp_path: Path, ours: Authority, mutual: dict[str, Any]
) -> None:
    context = server_context(ours.signs("crm", HERE), tmp_path, clients=ours)
    async with secured(systems["crm"].url, context) as url, aiohttp.ClientSession() as session:
        system = System.model_validate({"url": url, "network": mutual})
        async with wire_to(system) as (_, here):
            assert not here.network.is_set
            crm = connect({"crm": here}, session).crm
            assert set(await crm.customers(["1001"], NAME)) == {"1001"}
    assert len(asked(systems["crm"])) == 1
