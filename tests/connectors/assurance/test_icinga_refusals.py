"""What Icinga refuses, and how: certificates, credentials, permissions."""

from pathlib import Path
from typing import Any

import pytest

from connectors.errors import ConnectorError, Refused, Rejected, Unreachable
from tests.certificates import authority
from tests.connectors.assurance.keeping_checks import Icinga, asking, icinga
from tests.connectors.assurance.test_icinga import ALL, access, open_outages, outage
from tests.tls import secured, server_context

BASIC = {"kind": "basic", "username": "gateway", "password": "one"}
RIGHT = "Basic Z2F0ZXdheTpvbmU="


async def probed(server: Icinga, **settings: Any) -> ConnectorError | None:
    async with asking(server, **settings) as driver:
        try:
            await driver.probe()
        except ConnectorError as failure:
            return failure
    return None


async def test_trap_its_certificate_is_of_its_own_authority_and_has_one_name(tmp_path: Path) -> None:
    ours = authority("Icinga CA")
    (tmp_path / "ca.crt").write_bytes(ours.pem)
    network = {"ca_file": tmp_path / "ca.crt"}
    context = server_context(ours.signs("localhost", ["localhost"]), tmp_path)
    async with icinga() as (server, _), secured(server.url, context, "localhost") as server.url:
        assert await probed(server, network=network) is None
        assert isinstance(await probed(server), Unreachable)  # nobody knows the authority
        server.url = server.url.replace("localhost", "127.0.0.1")
        misnamed = await probed(server, network=network)
        assert isinstance(misnamed, Unreachable)
        assert "127.0.0.1" in misnamed.detail
        server.url = server.url.replace("https", "http")
        assert isinstance(await probed(server), Unreachable)  # an empty reply


@pytest.mark.parametrize("is_html", [False, True])
async def test_trap_wrong_credentials_are_401_in_json_or_html_and_never_nothing(is_html: bool) -> None:
    async with icinga(auth=BASIC) as (server, driver):
        access(server, S1=2)
        server.right = RIGHT
        assert len(await open_outages(driver)) == 1
        server.right, server.is_html = "Basic other", is_html
        for asked in (driver.probe(), open_outages(driver), driver.outages_changed(None), anext(driver.follow())):
            with pytest.raises(Refused):
                await asked
        assert isinstance(await outage(driver), Refused)
        found = await driver.open_outages_of_services(["S1"], None)
        assert isinstance(found["S1"], Refused)


async def test_the_stream_is_begun_with_new_credentials_where_the_old_ones_are_refused() -> None:
    async with icinga() as (server, _):
        auth = {"kind": "oauth2", "token_url": f"{server.url}/token", "client_id": "c", "client_secret": "s"}
        server.right = "Bearer t2"
        async with asking(server, auth=auth) as driver:
            told = driver.follow()
            assert await anext(told) == ()
            await told.aclose()
            server.right = "Bearer another"
            with pytest.raises(Refused):
                await anext(driver.follow())
        assert (server.tokens, len(server.queues)) == (3, 1)


async def test_trap_what_the_user_may_not_see_is_left_out_and_a_type_that_it_may_not_ask_for_is_404() -> None:
    async with icinga() as (server, driver):
        access(server, agg=1, olt1=1, S3=2)
        server.visible = "host is None or host.name != 'agg'"
        assert {one.id for one in await open_outages(driver)} == {"olt-1", "olt-2!S3"}
        assert await outage(driver, "agg") is None
        for kind, named in (("hosts", "Host"), ("services", "Service"), ("dependencies", "Dependency")):
            server.forbidden = {kind}
            with pytest.raises(Rejected, match=f"objects/query/{named}$"):
                await driver.outage_list(ALL, None, is_open=True)
        server.forbidden = {"events"}
        with pytest.raises(Rejected, match="the permission events/"):
            await anext(driver.follow())


async def test_trap_a_question_is_a_post_that_says_get_and_names_each_attribute() -> None:
    async with icinga() as (server, driver):
        access(server, agg=1, S3=2)
        await driver.outage_list(ALL, None, is_open=None)
        await driver.outages_changed(None)
        await driver.open_outages_of_services(["S1"], None)
        assert set(server.seen) == {"hosts", "services", "dependencies"}  # it says 400 where the header lacks
        assert all(one["attrs"] for one in server.bodies)  # without them each row has paths of the server's files
