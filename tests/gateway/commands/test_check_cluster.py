"""`gateway check` of a cluster with a password, and of Sentinels: each node is asked, and the worst counts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from connectors import DOMAINS
from connectors.store.address import located
from connectors.store.rates_in_redis import SpendingInRedis
from gateway.commands.check import check
from gateway.commands.findings import Finding
from gateway.settings import RedisSettings, Settings
from tests.connectors.store.servers import Servers, cluster, sentinels

SYSTEMS = {name: {"url": "http://127.0.0.1:9"} for name, one in DOMAINS.items() if one.required}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with cluster(tmp_path_factory.mktemp("cluster"), password="pa55") as servers:
        yield servers


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with sentinels(tmp_path_factory.mktemp("sentinel")) as servers:
        yield servers


async def lines(address: str) -> tuple[Finding, Finding]:
    """About `redis.url` and `redis.writes_url`, which are the same here."""
    redis, writes = {"url": address, "writes_url": address}, {"enabled": True}
    given: dict[str, Any] = {"systems": SYSTEMS, "redis": redis, "writes": writes, "live": {"enabled": True}}
    found = {one.name: one for one in await check(Settings.model_validate(given), is_demo=True)}
    return found["redis"], found["writes"]


def columns(finding: Finding) -> tuple[str, str, str]:
    return finding.reach, finding.credentials, finding.read


def keep(servers: Servers, password: str | None) -> None:
    for node in servers.nodes:
        with Redis(port=node.port, password=password, protocol=2) as client:
            client.config_set("appendonly", "yes")


async def test_a_cluster(guarded: Servers) -> None:
    keep(guarded, "pa55")
    redis, writes = await lines(guarded.address)
    assert (columns(redis), redis.detail) == (("ok", "-", "ok"), "")
    assert (columns(writes), writes.detail) == (("ok", "ok", "ok"), "")
    assert "pa55" not in redis.address + writes.address
    with Redis(port=guarded.nodes[2].port, password="pa55", protocol=2) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        _, writes = await lines(guarded.address)
        client.config_set("maxmemory-policy", "noeviction")
    assert columns(writes) == ("ok", "ok", "FAILED")
    assert "maxmemory-policy is allkeys-lru" in writes.detail


async def test_a_password_that_stands_in_a_file(guarded: Servers, tmp_path: Path) -> None:
    """It is the one of all nodes, and is told to none of what is shown."""
    file = tmp_path / "redis"
    file.write_text(f"{guarded.address}\n")
    spending = SpendingInRedis(RedisSettings(url_file=file).secret_named("url"), timeout=20.0)
    assert len(await spending.spend({f"caller {number}": 1.0 for number in range(20)})) == 20
    assert "pa55" not in repr(located(RedisSettings(url_file=file).secret_named("url")))
    await spending.close()


async def test_a_wrong_password(guarded: Servers) -> None:
    for one in await lines(guarded.address.replace("pa55", "wrong")):
        assert columns(one) == ("ok", "FAILED", "-"), one
        assert one.hint.startswith("Check user name and password in redis.")


async def test_sentinels(watched: Servers) -> None:
    keep(watched, None)
    redis, writes = await lines(watched.address)
    assert (columns(redis), redis.detail) == (("ok", "-", "ok"), "")
    assert (columns(writes), writes.detail) == (("ok", "-", "ok"), "")
    redis, writes = await lines(watched.address.replace("telephone", "nobody"))
    for one in (redis, writes):
        assert one.reach == "FAILED"
        assert "no Sentinel names a primary of 'nobody' that is one" in one.detail
        assert "knows no such name" in one.detail
