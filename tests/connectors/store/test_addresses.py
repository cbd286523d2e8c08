"""What an address may say, and what it is told when it says something else."""

from typing import Any

import pytest
from redis.asyncio.connection import SSLConnection

from connectors.store.address import Kind, read
from gateway.settings import RedisSettings


@pytest.mark.parametrize(
    ("text", "kind", "nodes", "name", "options"),
    [
        ("redis://cache.example/2", Kind.ONE, (), "", {"host": "cache.example", "db": 2}),
        ("redis+cluster://a,b:7000", Kind.CLUSTER, (("a", 6379), ("b", 7000)), "", {}),
        (
            "redis+cluster://me:p%40ss@[::1]:7000/0",
            Kind.CLUSTER,
            (("::1", 7000),),
            "",
            {"username": "me", "password": "p@ss"},
        ),
        ("redis+sentinel://a,b:1/mymaster", Kind.SENTINEL, (("a", 26379), ("b", 1)), "mymaster", {}),
        ("redis+sentinel://:p@a/my/3", Kind.SENTINEL, (("a", 26379),), "my", {"password": "p", "db": 3}),
    ],
)
def test_the_forms(text: str, kind: Kind, nodes: tuple[Any, ...], name: str, options: dict[str, Any]) -> None:
    place = read(text)
    assert (place.kind, place.nodes, place.name, place.options) == (kind, nodes, name, options)


def test_sentinels_have_credentials_of_their_own_and_all_is_tls() -> None:
    query = "sentinel_username=s&sentinel_password=t&ssl_ca_certs=/etc/ca.pem"
    place = read(f"rediss+sentinel://u:p@a,b/my?{query}")
    tls = {"ssl_ca_certs": "/etc/ca.pem", "connection_class": SSLConnection}
    assert place.options == {"username": "u", "password": "p", **tls}
    assert place.sentinel_options == {"username": "s", "password": "t", **tls}
    assert read("rediss+cluster://a").options == {"connection_class": SSLConnection}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("http://secret@a", "must begin with redis://"),
        ("cache:6379", "must begin with redis://"),
        ("redis+cluster+sentinel://a", "must begin with redis://"),
        ("redis+cluster://secret@", "host:port,host:port"),
        ("redis+cluster://secret@a,,b", "host:port,host:port"),
        ("redis+cluster://secret@a:70000", "host:port,host:port"),
        ("redis+cluster://secret@a:six", "host:port,host:port"),
        ("redis+cluster://secret@a, b", "host:port,host:port"),
        ("redis+cluster://secret@a/1", "a cluster has no database but 0"),
        ("redis+sentinel://secret@a", "under which name"),
        ("redis+sentinel://secret@a/my/first", "under which name"),
        ("redis+sentinel://secret@a/my/0/1", "under which name"),
    ],
)
def test_what_is_wrong_is_told_with_what_would_be_right_and_without_the_address(text: str, told: str) -> None:
    for field in ("url", "writes_url"):
        with pytest.raises(ValueError, match=told) as wrong:
            RedisSettings(**{field: text})
        assert "secret" not in str(wrong.value.errors()[0]["msg"])  # type: ignore[attr-defined]  # pydantic's
