"""`gateway check` says what is wrong with a certificate, a proxy or a version of TLS, and what would be right."""

import asyncio
import re
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gateway.commands.check import check
from gateway.commands.findings import Finding, show
from gateway.settings import Settings
from gateway.settings_file import WrongSettings, load
from sandbox.data.world import World
from sandbox.protocol.systems import SYSTEMS
from sandbox.server import SandboxServer
from tests.certificates import DAY, Authority, Made, authority
from tests.gateway.auth.issuers import providers
from tests.gateway.test_settings import SYSTEMS as SECTIONS
from tests.tls import Proxy, proxy, secured, server_context

HERE = ["127.0.0.1"]
TLS_1_2 = ssl.TLSVersion.TLSv1_2


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, SandboxServer]]:
    world = World(customers=4)
    running = {system: SandboxServer(system, world=world).start() for system in SYSTEMS}
    yield dict(running)
    for server in running.values():
        server.stop()


@pytest.fixture(scope="module")
def ours() -> Authority:
    return authority("Operator CA")


@pytest.fixture(scope="module")
def foreign() -> Authority:
    return authority("Foreign CA")


@pytest.fixture
def folder(tmp_path: Path, ours: Authority) -> Path:
    """With the operator's authority, and a client certificate that it signed."""
    (tmp_path / "ca.pem").write_bytes(ours.pem)
    ours.signs("gateway").write(tmp_path, "gateway")
    return tmp_path


def day(later: timedelta) -> str:
    return f"{datetime.now(UTC) + later:%Y-%m-%d}"


async def found(servers: dict[str, SandboxServer], address: str, network: dict[str, Any], **more: Any) -> Finding:
    systems: dict[str, Any] = {name: {"url": server.url} for name, server in servers.items()}
    systems["crm"] = {"url": address, "network": network, "connect_timeout": 10.0, "timeout": 10.0, **more}
    settings = Settings.model_validate({"systems": systems, "graphql": {"deadline": 30.0}})
    return next(one for one in await check(settings, is_demo=True) if one.name == "crm")


def said(finding: Finding) -> str:
    """What the person reads, with the port left out."""
    printed = StringIO()
    show([finding], Console(file=printed, width=1000))
    return re.sub(r"127\.0\.0\.1:\d+", "HERE", printed.getvalue())


async def of_server(
    servers: dict[str, SandboxServer], folder: Path, shown: Made, network: dict[str, Any] | None = None, **options: Any
) -> Finding:
    """What is found where a server shows this, and the settings believe the operator's authority."""
    context = server_context(shown, folder, **options)
    async with secured(servers["crm"].url, context) as address:
        return await found(servers, address, {"ca_file": folder / "ca.pem", **(network or {})})


async def test_a_private_authority_and_mutual_tls(
    servers: dict[str, SandboxServer], folder: Path, ours: Authority
) -> None:
    own = {"certificate_file": folder / "gateway.pem", "key_file": folder / "gateway.key"}
    finding = await of_server(servers, folder, ours.signs("crm", HERE), own, clients=ours)
    assert (finding.reach, finding.read, finding.notices) == ("ok", "ok", ())


async def test_server_certificates_that_are_not_believed(
    servers: dict[str, SandboxServer], folder: Path, ours: Authority, foreign: Authority
) -> None:
    cases = {
        f"HERE: its certificate for CN=crm expired on {day(-DAY)}. Have it renewed there.": ours.signs(
            "crm", HERE, begins=-9 * DAY, ends=-DAY
        ),
        f"HERE: its certificate for CN=crm is not valid before {day(2 * DAY)}. Is the clock right, here and there?": (
            ours.signs("crm", HERE, begins=2 * DAY)
        ),
        f"HERE: its certificate for CN=crm is signed by CN=Foreign CA, and {folder}/ca.pem holds: CN=Operator CA. Set"
        " systems.crm.network.ca_file to the certificate of CN=Foreign CA, if that is your authority.": foreign.signs(
            "crm", HERE
        ),
        "HERE: its certificate for CN=crm is for crm.example, 10.0.0.1, and not for 127.0.0.1. Use an address with one"
        " of these names, or have the certificate made for this one.": ours.signs("crm", ["crm.example", "10.0.0.1"]),
    }
    findings = await asyncio.gather(*(of_server(servers, folder, shown) for shown in cases.values()))
    for finding, right in zip(findings, cases, strict=True):
        assert (finding.reach, finding.credentials, finding.read) == ("FAILED", "-", "-")
        assert f"crm: {right}" in said(finding)


async def test_an_authority_that_the_machine_does_not_know(
    servers: dict[str, SandboxServer], folder: Path, ours: Authority
) -> None:
    async with secured(servers["crm"].url, server_context(ours.signs("crm", HERE), folder)) as address:
        finding = await found(servers, address, {})
    assert (
        "HERE: its certificate for CN=crm is signed by CN=Operator CA, which is no authority that this machine"
        " believes. If that is your own authority, set systems.crm.network.ca_file to its certificate."
    ) in said(finding)


async def test_certificates_that_end_soon_are_told_and_are_no_failure(
    servers: dict[str, SandboxServer], folder: Path, ours: Authority
) -> None:
    ours.signs("gateway", ends=9.5 * DAY).write(folder, "gateway")
    own = {"certificate_file": folder / "gateway.pem", "key_file": folder / "gateway.key"}
    finding = await of_server(servers, folder, ours.signs("crm", HERE, ends=6.5 * DAY), own)
    assert (finding.is_good, list(finding.notices)) == (
        True,
        [
            "systems.crm.network.certificate_file: the gateway's certificate for CN=gateway in"
            f" {folder}/gateway.pem expires on {day(9.5 * DAY)}, in 9 days",
            f"its certificate expires on {day(6.5 * DAY)}, in 6 days",
        ],
    )


async def test_the_gateways_own_certificate(
    servers: dict[str, SandboxServer], folder: Path, ours: Authority, foreign: Authority
) -> None:
    own = {"certificate_file": folder / "gateway.pem", "key_file": folder / "gateway.key"}
    server = ours.signs("crm", HERE)
    for newest in (TLS_1_2, ssl.TLSVersion.TLSv1_3):
        none = await of_server(servers, folder, server, clients=ours, newest=newest)
        assert not none.is_good
        right = "It wants a certificate of the gateway (mTLS): set systems.crm.network.certificate_file and key_file."
        assert right in said(none)
        foreign.signs("stranger").write(folder, "gateway")
        stranger = await of_server(servers, folder, server, own, clients=ours, newest=newest)
        assert (
            f"It does not take the gateway's certificate in {folder}/gateway.pem (unknown_ca), which is for"
            " CN=stranger, signed by CN=Foreign CA: set systems.crm.network.certificate_file to one"
        ) in said(stranger)
    for made, right in {
        ours.signs("gateway", begins=-9 * DAY, ends=-DAY): f"expired on {day(-DAY)}",
        ours.signs("gateway", begins=2 * DAY): f"is not valid before {day(2 * DAY)}",
    }.items():
        made.write(folder, "gateway")
        finding = await of_server(servers, folder, server, own)
        assert (
            f"the gateway's certificate for CN=gateway in {folder}/gateway.pem {right}. Put one that is valid now, and"
            " its key, where systems.crm.network.certificate_file and key_file say."
        ) in said(finding)


async def test_a_server_that_hangs_up_without_a_word_may_want_another_certificate(
    servers: dict[str, SandboxServer], folder: Path, ours: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers["crm"].switches, "drop_connections", 10)
    none = await of_server(servers, folder, ours.signs("crm", HERE))
    assert "It hangs up after the TLS handshake. If it wants a certificate of the gateway (mTLS), set" in said(none)
    own = {"certificate_file": folder / "gateway.pem", "key_file": folder / "gateway.key"}
    shown = await of_server(servers, folder, ours.signs("crm", HERE), own)
    assert f"It may not take the gateway's certificate in {folder}/gateway.pem: is it for clients" in said(shown)


async def test_a_version_of_tls_that_is_too_low_and_none_at_all(
    servers: dict[str, SandboxServer], folder: Path, ours: Authority
) -> None:
    old = await of_server(servers, folder, ours.signs("crm", HERE), {"min_tls": "1.3"}, newest=TLS_1_2)
    assert (
        "HERE: does not speak TLS 1.3 or newer (min_tls): it speaks TLS 1.2. Have it speak TLS 1.3 or newer, or set"
        ' systems.crm.network.min_tls = "1.2".'
    ) in said(old)
    plain = await found(servers, servers["crm"].url.replace("http:", "https:"), {})
    assert "HERE: does not speak TLS. Is https right in the address, and the port?" in said(plain)


async def through(servers: dict[str, SandboxServer], folder: Path, ours: Authority, given: str, asked: Proxy) -> str:
    network = {"ca_file": folder / "ca.pem", "proxy": given}
    async with secured(servers["crm"].url, server_context(ours.signs("crm", HERE), folder)) as address:
        finding = await found(servers, address, network)
    text = said(finding)
    assert "hush" not in text
    return text


async def test_proxies(servers: dict[str, SandboxServer], folder: Path, ours: Authority) -> None:
    async with proxy("gateway:hush") as asked:
        plain = f"http://127.0.0.1:{asked.port}"
        assert "All is well." in await through(servers, folder, ours, asked.address, asked)
        assert {one.partition(" ")[0] for one in asked.lines} == {"CONNECT"}
        assert (
            "the proxy HERE wants a user name and password (407). Set systems.crm.network.proxy (or proxy_file) to"
            " http://USER:PASSWORD@HERE as it wants them."
        ) in (await through(servers, folder, ours, plain, asked)).replace(
            ", with those that it takes", " as it wants them"
        )
        wrong = f"http://gateway:hush2@127.0.0.1:{asked.port}"
        assert "the proxy HERE does not take the user name and password (407)" in (
            await through(servers, folder, ours, wrong, asked)
        )
        asked.status = 403
        assert (
            "the proxy HERE makes no tunnel to HERE (403). Have it let the gateway through to there, or set another in"
            " systems.crm.network.proxy."
        ) in await through(servers, folder, ours, asked.address, asked)
        asked.status = 0
        refused = await found(servers, servers["crm"].url, {"proxy": plain})
        assert "crm: GET " in said(refused)
        assert "the proxy answered 407. The proxy does not let it through: check user name and password in" in said(
            refused
        )
    assert (
        "no connection to the proxy HERE: Connection refused. Is systems.crm.network.proxy right, and is the proxy"
        " running?"
    ) in await through(servers, folder, ours, asked.address, asked)


async def test_a_token_endpoint_and_the_keys_of_an_issuer(
    servers: dict[str, SandboxServer], folder: Path, ours: Authority, foreign: Authority
) -> None:
    async with providers() as idp:
        realm = idp.add("/staff")
        context = server_context(foreign.signs("login", HERE), folder)
        async with secured(idp.address, context) as address:
            auth = {"kind": "token_exchange", "token_url": f"{address}/token", "client_id": "g", "client_secret": "s"}
            crm = await found(servers, servers["crm"].url, {}, auth={**auth, "network": {"ca_file": folder / "ca.pem"}})
            assert (crm.reach, crm.credentials) == ("ok", "FAILED")
            assert "crm: the token endpoint: HERE: its certificate for CN=login is signed by CN=Foreign CA" in said(crm)
            assert "Set systems.crm.auth.network.ca_file to" in said(crm)
            realm.address = f"{address}/staff"
            for believed, good in ((ours, False), (foreign, True)):
                (folder / "login.pem").write_bytes(believed.pem)
                issuer = {"issuer": realm.address, "audience": "a", "network": {"ca_file": folder / "login.pem"}}
                systems = {name: {"url": server.url} for name, server in servers.items()}
                settings = Settings.model_validate({"systems": systems, "auth": {"issuers": [issuer]}})
                (keys,) = [one for one in await check(settings) if one.name.startswith("keys")]
                assert keys.is_good is good
                if not good:
                    assert "Nobody could sign in. Set auth.issuers.0.network.ca_file to the certificate" in said(keys)


def problem(folder: Path, text: str) -> str:
    path = folder / "gateway.toml"
    path.write_text(SECTIONS + text)
    with pytest.raises(WrongSettings) as caught:
        load(path)
    (only,) = caught.value.problems
    return only.replace(f"{folder}/", "")


def test_files_that_cannot_be_used_are_named_with_their_setting(folder: Path, ours: Authority) -> None:
    other = ours.signs("other")
    other.write(folder, "other")
    (folder / "locked.key").write_bytes(other.key_pem("open sesame"))
    (folder / "empty").write_text("\n")
    section = "[systems.crm.network]\n"
    own = f'{section}certificate_file = "gateway.pem"\n'
    cases = {
        f'{section}ca_file = "none.pem"': "ca_file: none.pem: cannot be read: No such file or directory",
        f'{section}ca_file = "empty"': "ca_file: empty: is empty",
        f'{section}ca_file = "gateway.key"': (
            "ca_file: gateway.key: holds no certificate that can be read; right is PEM (-----BEGIN CERTIFICATE-----)"
        ),
        f'{own}key_file = "other.key"': (
            "key_file: other.key: is not the key of the certificate in gateway.pem, which is for CN=gateway; right is"
            " the key that the certificate was asked for with"
        ),
        own: "certificate_file: gateway.pem: holds no private key that can be read; right is PEM (-----BEGIN PRIVATE"
        " KEY-----)",
        f'{own}key_file = "locked.key"': (
            "key_file: locked.key: its key is encrypted: set passphrase or passphrase_file"
        ),
        f'{own}key_file = "locked.key"\npassphrase = "shut"': (
            "key_file: locked.key: the passphrase does not open its key"
        ),
        f'{own}key_file = "gateway.key"\npassphrase_file = "empty"': "passphrase_file: empty: is empty",
    }
    for text, right in cases.items():
        assert problem(folder, text) == f"gateway.toml: systems.crm.network.{right}"
    assert problem(folder, f'{section}key_file = "gateway.key"') == (
        "gateway.toml: systems.crm.network: key_file is set without certificate_file: set both, or neither"
    )
    assert problem(folder, f'{section}proxy = "https://u:hush@p.example"') == (
        'gateway.toml: systems.crm.network.proxy: should be a proxy\'s address, such as "http://proxy.example:3128",'
        " with user name and password in it if it wants them (http://user:password@..., signs in them as %XX)"
    )
