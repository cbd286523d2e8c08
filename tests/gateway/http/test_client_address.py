"""Whose address it is: what trusted proxies wrote is believed, and of that the last that is none of theirs."""

from ipaddress import ip_network

import pytest

from gateway.http.client_address import ClientAddresses, ForwardedBy
from gateway.http.trusted_proxies import TrustedProxies

TRUSTED = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


def address(peer: str, header: ForwardedBy = "X-Forwarded-For", **sent: str | list[str]) -> str:
    """The address of a client that connects from `peer` and sends these headers, with `_` for `-`."""
    headers = [
        (name.replace("_", "-").encode(), line.encode())
        for name, lines in sent.items()
        for line in ([lines] if isinstance(lines, str) else lines)
    ]
    return ClientAddresses(TrustedProxies(TRUSTED), header)({"type": "http", "client": (peer, 1), "headers": headers})


@pytest.mark.parametrize(
    ("peer", "forwarded", "wanted"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", ["198.51.100.7"], "192.0.2.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("10.0.0.1", ["203.0.113.9, unknown"], "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9, "], "10.0.0.1"),
        ("10.0.0.1", ["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::"),
        ("10.0.0.1", ["[2001:db8:1:2:3:4:5:6]:80"], "2001:db8:1:2::"),
        ("10.0.0.1", ["::ffff:198.51.100.7"], "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", [], "2001:db8:1:2::"),
        ("2001:db8:1:2:3:4:5:7", ["198.51.100.7"], "2001:db8:1:2::"),
        ("fe80::1%eth0", [], "fe80::"),
        ("::ffff:192.0.2.1", [], "192.0.2.1"),
        ("not an address", ["198.51.100.7"], "not an address"),
    ],
)
def test_of_x_forwarded_for(peer: str, forwarded: list[str], wanted: str) -> None:
    assert address(peer, x_forwarded_for=forwarded) == wanted


@pytest.mark.parametrize(
    ("forwarded", "wanted"),
    [
        (["for=198.51.100.7"], "198.51.100.7"),
        (["For=203.0.113.9, proto=https;FOR=198.51.100.7;by=10.0.0.1"], "198.51.100.7"),
        (['for="198.51.100.7:4711"'], "198.51.100.7"),
        (['for="[2001:db8:1:2::3]:80"'], "2001:db8:1:2::"),
        (["for=203.0.113.9", "for=198.51.100.7, for=10.0.0.2"], "198.51.100.7"),
        (["for=203.0.113.9, for=_hidden"], "10.0.0.1"),
        (["for=203.0.113.9, by=10.0.0.2"], "10.0.0.1"),
    ],
)
def test_of_forwarded(forwarded: list[str], wanted: str) -> None:
    assert address("10.0.0.1", "Forwarded", forwarded=forwarded) == wanted


def test_the_other_header_is_the_clients_own() -> None:
    assert address("10.0.0.1", "Forwarded", x_forwarded_for="203.0.113.9") == "10.0.0.1"
    assert address("10.0.0.1", "X-Forwarded-For", forwarded="for=203.0.113.9") == "10.0.0.1"


def test_a_unix_socket_has_no_address() -> None:
    assert ClientAddresses(TrustedProxies(), "Forwarded")({"type": "http", "client": None, "headers": []}) == ""


def test_whoever_is_on_the_gateways_unix_socket_is_a_proxy() -> None:
    scope = {"type": "http", "client": None, "headers": [(b"forwarded", b"for=192.0.2.7")]}
    assert ClientAddresses(TrustedProxies(on_unix_socket=True), "Forwarded")(scope) == "192.0.2.7"
    assert ClientAddresses(TrustedProxies(TRUSTED), "Forwarded")(scope) == ""


def test_addresses_of_ipv4_on_a_socket_for_both_are_those_of_ipv4() -> None:
    assert "::ffff:10.0.0.1" in TrustedProxies((ip_network("10.0.0.0/8"),))
    assert "::ffff:192.0.2.1" not in TrustedProxies((ip_network("10.0.0.0/8"),))
