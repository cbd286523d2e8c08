"""What surprises in Icinga, each with the right value."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from connectors.assurance.icinga.driver import IcingaAssurance
from connectors.assurance.icinga.network import Network
from connectors.assurance.icinga.options import IcingaOptions
from connectors.assurance.icinga.rows import ObjectRow
from connectors.assurance.icinga.stream import LONGEST, TYPES
from connectors.assurance.port import Outage, OutageState
from connectors.errors import Garbled, NotSupported, Rejected, TooLarge, TooMuch, Unreachable
from connectors.events.hints import Change, Hint
from connectors.events.settings import EventSource
from connectors.records import Window
from connectors.settings import System
from tests.connectors.assurance.keeping_checks import BEGAN, Icinga, checked, event, icinga, pending
from tests.following import following

ALL = Window(0, 100)
LINE = "olt-1!S1"
STARTED = datetime.fromtimestamp(BEGAN, UTC)


def number(service: str) -> dict[str, Any]:
    return {"vars": {"service_number": service, "site": "BRN"}}


def access(server: Icinga, **states: int) -> None:
    """agg before olt-1 and olt-2, with services S1 and S2 on olt-1, and S3 on olt-2."""
    server.links = [("agg", "olt-1"), ("agg", "olt-2")]
    server.hosts = {name: checked(states.get(name.replace("-", ""), 0)) for name in ("agg", "olt-1", "olt-2")}
    for place in ("olt-1!S1", "olt-1!S2", "olt-2!S3"):
        key = place.partition("!")[2]
        server.services[place] = checked(states.get(key, 0), **number(key))


async def open_outages(driver: IcingaAssurance) -> list[Outage]:
    return list((await driver.outage_list(ALL, None, is_open=True)).items)


async def outage(driver: IcingaAssurance, key: str = LINE) -> Any:
    return (await driver.outages([key], None)).get(key)


async def test_a_service_with_a_problem_is_an_outage_of_that_service_alone() -> None:
    async with icinga() as (server, driver):
        access(server, S1=2)
        (one,) = await open_outages(driver)
        assert (one.id, one.service_ids, one.resource_ids, one.severity) == (LINE, ("S1",), (), 2)
        assert (one.state, one.raw_state, one.started_at) == (OutageState.IN_PROGRESS, "CRITICAL", STARTED)
        assert one.description == "Site: BRN."
        assert await outage(driver) == one
        found = await driver.open_outages_of_services(["S1", "S2", "S9"], None)
        assert {key: [one.id for one in rows.items] for key, rows in found.items()} == {"S1": [LINE]}


async def test_all_that_is_behind_a_host_that_is_down_is_one_outage() -> None:
    async with icinga() as (server, driver):
        access(server, agg=1, olt1=1, S1=2)
        (one,) = await open_outages(driver)
        assert (one.id, one.name, one.severity) == ("agg", "agg is down", 1)
        assert (one.service_ids, one.resource_ids) == (("S1", "S2"), ("agg", "olt-1"))  # olt-2 has another way
        for key in ("S1", "S2"):
            found = await driver.open_outages_of_services([key], None)
            assert [row.id for row in found[key].items] == ["agg"]
        by_host = await driver.open_outages_of_resources(["olt-1", "olt-2"], None)
        assert {key: [row.id for row in rows.items] for key, rows in by_host.items()} == {"olt-1": ["agg"]}


async def test_what_is_a_consequence_is_found_by_its_id_and_says_so() -> None:
    async with icinga() as (server, driver):
        access(server, agg=1, olt1=1, S1=2)
        found = await driver.outages(["olt-1", LINE], None)
        assert [one.description for one in found.values() if isinstance(one, Outage)] == [
            "Site: BRN. It is a consequence: its host is down.",
            "It is a consequence: a host before it is down.",
        ]


async def test_hosts_in_a_ring_are_one_outage() -> None:
    async with icinga() as (server, driver):
        access(server, agg=1, olt1=1)
        server.links = [("agg", "olt-1"), ("olt-1", "agg")]
        (one,) = await open_outages(driver)
        assert one.resource_ids == ("agg", "olt-1")


def test_many_hosts_that_are_down_are_looked_at_once_and_a_long_line_of_them_has_no_limit() -> None:
    class Links(dict[str, list[str]]):
        read = 0

        def items(self) -> Any:
            Links.read += 1
            return super().items()

    names = [f"h{at:04}" for at in range(3000)]
    hosts = {one: msgspec.convert({"name": one, "attrs": {}}, ObjectRow) for one in names}
    links = Links({before: [after] for before, after in pairwise(names)})
    network = Network(hosts, links, {}, ())
    assert network.roots == ["h0000"]
    outages = [network.outage(one) for one in names[-3:]]
    assert [(len(one.behind), one.is_behind) for one in outages] == [(2, True), (1, True), (0, True)]
    assert (len(network.outage("h0000").behind), Links.read) == (2999, 1)


async def test_what_was_never_checked_is_no_outage_although_its_state_is_one() -> None:
    async with icinga(options={"severities": {"down": 1, "unknown": 3}}) as (server, driver):
        access(server)
        server.hosts["olt-1"], server.services["olt-2!S3"] = pending(1), pending(3, **number("S3"))
        assert await open_outages(driver) == []
        assert await driver.outages(["olt-1", "olt-2!S3"], None) == {}
        assert await driver.open_outages_of_services(["S1", "S3"], None) == {}


async def test_a_soft_problem_is_not_yet_an_outage() -> None:
    async with icinga() as (server, driver):
        access(server)
        server.services[LINE] = checked(2, state_type=0, **number("S1"))
        assert await open_outages(driver) == []
        assert await outage(driver) is None


async def test_states_that_are_not_named_are_none_and_named_ones_are() -> None:
    async with icinga() as (server, driver):
        access(server, S1=1, S2=3)
        assert await open_outages(driver) == []
    async with icinga(options={"severities": {"warning": 6, "unknown": 5}}) as (server, driver):
        access(server, S1=1, S2=3, S3=2, agg=1)
        assert {one.id: one.severity for one in await open_outages(driver)} == {"olt-1!S1": 6, "olt-1!S2": 5}


@pytest.mark.parametrize(
    ("more", "state", "sentence"),
    [
        ({"acknowledgement": 1}, OutageState.ACKNOWLEDGED, "Acknowledged."),
        ({"acknowledgement": 2}, OutageState.ACKNOWLEDGED, "Acknowledged."),
        ({"downtime_depth": 1, "acknowledgement": 1}, OutageState.HELD, "Planned work."),
        ({"flapping": True}, OutageState.PENDING, "It comes and goes (flapping)."),
    ],
)
async def test_acknowledged_planned_and_flapping_are_told_apart(
    more: dict[str, Any], state: OutageState, sentence: str
) -> None:
    async with icinga() as (server, driver):
        access(server)
        server.services[LINE] = checked(2, **number("S1"), **more)
        one = await outage(driver)
        assert (one.state, one.is_open, one.description) == (state, True, f"Site: BRN. {sentence}")


async def test_what_the_check_said_is_shown_to_everybody_where_the_options_say_so() -> None:
    async with icinga(options={"shows_output": True}) as (server, driver):
        access(server, S1=2)
        assert (await outage(driver)).description == "no light. Site: BRN."


async def test_one_that_flaps_is_open_also_while_it_is_ok() -> None:
    async with icinga() as (server, driver):
        access(server)
        server.services[LINE] = checked(0, flapping=True, last_state_critical=BEGAN, **number("S1"))
        (one,) = await open_outages(driver)
        assert (one.state, one.raw_state) == (OutageState.PENDING, "OK")
        server.services[LINE] |= {"last_state_critical": 0}  # between OK and WARNING, which is no outage
        assert await open_outages(driver) == []


async def test_an_outage_that_ended_has_its_times_until_the_next_change() -> None:
    now = time.time()
    ended = {"last_state_change": now - 60, "last_hard_state_change": now - 60, "previous_state_change": now - 600}
    async with icinga() as (server, driver):
        access(server)
        server.services[LINE] = checked(0, last_state_critical=now - 90, **number("S1")) | ended
        one = await outage(driver)
        assert (one.id, one.state, one.raw_state, one.severity) == (LINE, OutageState.RESOLVED, "OK", 2)
        assert one.started_at == datetime.fromtimestamp(now - 600, UTC)
        assert one.resolved_at == datetime.fromtimestamp(now - 60, UTC)
        rows = await driver.outage_list(ALL, None, is_open=False)
        assert ([row.id for row in rows.items], rows.total) == ([LINE], None)
        server.services[LINE] |= {"previous_state_change": now - 60, "last_state_ok": now}  # after the next check
        one = await outage(driver)
        assert (one.started_at, one.resolved_at) == (None, datetime.fromtimestamp(now - 60, UTC))
        later = {"last_state_change": now - 10, "last_hard_state_change": now - 10, "previous_state_change": now - 60}
        server.services[LINE] |= later | {
            "state": 1,
            "last_state_ok": now - 20,
        }  # OK, and then WARNING: when it ended is not kept
        one = await outage(driver)
        assert (one.is_open, one.started_at, one.resolved_at) == (False, None, None)


async def test_a_problem_that_was_never_a_hard_one_or_is_long_over_was_no_outage() -> None:
    now = time.time()
    async with icinga() as (server, driver):
        access(server)
        server.services[LINE] = checked(0, last_state_critical=now - 90, **number("S1")) | {
            "last_state_change": now - 60,
            "previous_state_change": now - 100,
        }
        assert await outage(driver) is None
        server.services[LINE] = checked(0, last_state_critical=now - 30 * 86400, **number("S1"))
        assert await outage(driver) is None
        assert await outage(driver, "olt-1!S2") is None  # its first check is a change, too


def was_down(began: float, ended: float, *, checked_since: bool = False) -> dict[str, Any]:
    """A host that was down so many seconds ago. Its begin is kept until it is checked again."""
    now = time.time()
    times = {
        "last_state_change": now - ended,
        "last_hard_state_change": now - ended,
        "last_state_down": now - ended - 1,
    }
    return times | {"previous_state_change": now - (ended if checked_since else began)}


async def test_what_was_down_behind_a_host_at_another_time_is_none_of_its_outage() -> None:
    async with icinga() as (server, driver):
        access(server)
        server.hosts |= {name: checked(0) for name in ("olt-3", "olt-4", "olt-5", "olt-6")}
        server.links += [("agg", name) for name in server.hosts if name != "agg"]
        day = 86400
        server.hosts["agg"] |= was_down(2 * day, 2 * day - 3600)
        server.hosts["olt-1"] |= was_down(2 * day - 60, 2 * day - 4000)
        server.hosts["olt-2"] |= was_down(7200, 3600)  # later, by itself
        server.hosts["olt-3"] |= was_down(3 * day, 3 * day - 3600)  # before
        server.hosts["olt-4"] |= was_down(2 * day - 1800, 100)  # with it, and long after it
        server.hosts["olt-5"] |= was_down(2 * day, 3600, checked_since=True)  # its begin is not known
        server.hosts["olt-6"] = checked(1) | {"last_state_down": time.time()}  # since then
        server.hosts["olt-6"] |= dict.fromkeys(["last_state_change", "last_hard_state_change"], time.time() - 2 * day)
        one = await outage(driver, "agg")
        assert one.resource_ids == ("agg", "olt-1", "olt-4", "olt-6")
        ended = await driver.outage_list(ALL, None, is_open=False)
        assert {row.id: row.resource_ids for row in ended.items}["agg"] == one.resource_ids
        assert (await outage(driver, "olt-2")).resource_ids == ("olt-2",)


async def test_an_ended_outage_names_all_that_was_behind_it_however_deep_and_in_three_questions() -> None:
    names = [f"h{at:02}" for at in range(25)]
    async with icinga(options={"max_keys": 10}) as (server, driver):
        server.hosts = {name: checked(0) | was_down(600, 60) for name in names}
        server.links = [*pairwise(names)]
        server.services["h24!S1"] = checked(0, **number("S1"))
        one = await outage(driver, "h00")
        assert (one.resource_ids, one.service_ids) == (tuple(names), ("S1",))
        assert sorted(server.seen) == ["dependencies"] * 3 + ["hosts"] * 2 + ["services"] * 3
        assert max(len(one["filter_vars"].get("n", ())) for one in server.bodies) == 10
    async with icinga(options={"max_keys": 10}, max_calls=2) as (server, driver):
        server.hosts = {name: checked(1) for name in names}
        with pytest.raises(TooMuch, match="3 calls, more than max_calls = 2"):
            await open_outages(driver)


async def test_a_host_that_is_back_still_names_what_was_behind_it() -> None:
    now = time.time()
    over = {"last_state_change": now - 60, "last_hard_state_change": now - 60, "previous_state_change": now - 600}
    async with icinga() as (server, driver):
        access(server)
        for name in ("agg", "olt-1"):
            server.hosts[name] |= over | {"last_state_down": now - 90}
        one = await outage(driver, "agg")
        assert (one.name, one.is_open, one.raw_state) == ("agg", False, "UP")
        assert (one.service_ids, one.resource_ids) == (("S1", "S2"), ("agg", "olt-1"))


async def test_the_id_stays_when_a_step_moves_its_times() -> None:
    async with icinga(options={"severities": {"warning": 6, "critical": 2}}) as (server, driver):
        access(server, S1=1)
        before = await outage(driver)
        server.services[LINE] |= {"state": 2, "last_hard_state_change": BEGAN + 60, "previous_state_change": BEGAN}
        after = await outage(driver)
        assert (before.id, before.severity, after.id, after.severity) == (LINE, 6, LINE, 2)


async def test_one_name_that_does_not_exist_fails_nothing_and_values_are_no_code() -> None:
    odd = 'S1"] || true || service.vars["x'
    async with icinga() as (server, driver):
        access(server, S1=2)
        assert [*await driver.outages([LINE, "olt-1!S999", "", "a\nb", "x" * 300], None)] == [LINE]
        assert [*await driver.open_outages_of_services(["S1", odd], None)] == ["S1"]


async def test_a_404_is_a_wrong_filter_or_a_missing_permission_and_never_nothing() -> None:
    async with icinga(options={"service_filter": "service."}) as (server, driver):
        access(server, S1=2)
        found = await driver.open_outages_of_services(["S1"], None)
        assert isinstance(found["S1"], Rejected)
        with pytest.raises(Rejected, match="service_filter is wrong"):
            await open_outages(driver)


async def test_the_options_filter_what_counts() -> None:
    async with icinga(options={"service_filter": 'service.vars["plan"] == "gold"'}) as (server, driver):
        access(server, S1=2, S2=2)
        server.services["olt-1!S2"]["vars"]["plan"] = "gold"
        assert [one.id for one in await open_outages(driver)] == ["olt-1!S2"]


async def test_a_host_that_does_not_count_hides_no_service_that_is_on_it() -> None:
    async with icinga(options={"host_filter": 'host.vars["role"] != "lab"'}) as (server, driver):
        access(server, olt1=1, S1=2, olt2=1, S3=2)
        server.services["olt-1!fan"] = checked(2)
        server.hosts["olt-1"]["vars"] = {"role": "lab"}
        lists = [one.id for one in await open_outages(driver)]
        assert sorted(lists) == ["olt-1!S1", "olt-1!fan", "olt-2"]
        found = await driver.open_outages_of_services(["S1", "S2", "S3"], None)
        assert {key: [one.id for one in rows.items] for key, rows in found.items()} == {
            "S1": ["olt-1!S1"],
            "S3": ["olt-2"],
        }
        by_host = await driver.open_outages_of_resources(["olt-1", "olt-2"], None)
        assert {key: [one.id for one in rows.items] for key, rows in by_host.items()} == {
            "olt-1": ["olt-1!fan"],
            "olt-2": ["olt-2"],
        }


async def test_a_problem_that_names_no_service_is_the_hosts_and_a_variable_may_name_the_resource() -> None:
    async with icinga(options={"resource_variable": "serial"}) as (server, driver):
        access(server)
        server.hosts["olt-1"]["vars"] = {"serial": 7000001.0}
        server.services["olt-1!fan"] = checked(2)
        found = await driver.open_outages_of_resources(["7000001"], None)
        assert {key: [one.id for one in rows.items] for key, rows in found.items()} == {"7000001": ["olt-1!fan"]}


async def test_no_variable_with_the_service_is_not_supported() -> None:
    async with icinga(options={"service_variable": ""}) as (server, driver):
        assert [*driver.unsupported] == ["Outage.ticket_ids", "open_outages_of_services"]
        with pytest.raises(NotSupported):
            await driver.open_outages_of_services(["S1"], None)
        assert server.seen == []


async def test_rows_that_cannot_be_read_cost_what_they_may_be() -> None:
    async with icinga() as (server, driver):
        access(server, S1=2, S2=2)
        server.services[LINE]["vars"] = "odd"
        found = await driver.outages([LINE, "olt-1!S2"], None)
        assert isinstance(found[LINE], Garbled)
        assert isinstance(found["olt-1!S2"], Outage)
        rows = await driver.outage_list(ALL, None, is_open=True)
        assert (len(rows.items), rows.total, rows.unread) == (1, None, 1)
        server.services["olt-1!S2"]["state"] = [[]]  # may be open
        assert (await outage(driver, "olt-1!S2")).state is OutageState.UNKNOWN


async def test_trap_there_are_no_pages_and_no_order_so_a_list_is_sorted_here_and_bounded() -> None:
    async with icinga(max_rows=3) as (server, driver):
        access(server, S1=2, S2=2, S3=2)
        server.services["olt-1!S2"] |= {"last_hard_state_change": BEGAN + 60}
        server.services["olt-2!S3"] |= {"last_hard_state_change": BEGAN - 60}
        assert [one.id for one in await open_outages(driver)] == ["olt-1!S2", LINE, "olt-2!S3"]
        server.services["olt-2!S4"] = checked(2)
        with pytest.raises(TooMuch):
            await open_outages(driver)


async def test_what_changed_is_found_by_its_times() -> None:
    now = time.time()
    async with icinga() as (server, driver):
        access(server)
        server.services[LINE] = checked(2, last_state_critical=now, **number("S1")) | {
            "last_hard_state_change": now - 50
        }
        (one,) = await driver.outages_changed(None)
        began = datetime.fromtimestamp(now - 50, UTC)
        assert (one.id, one.changed_at, one.created_at) == (LINE, began, began)
        assert await driver.outages_changed(began + timedelta(seconds=1)) == []
        server.services[LINE] |= {"acknowledgement": 1, "acknowledgement_last_change": now}
        (again,) = await driver.outages_changed(began + timedelta(seconds=1))
        assert (again.changed_at, again.created_at) == (datetime.fromtimestamp(now, UTC), began)
        assert [row.id for row in await driver.outages_changed(datetime(1970, 1, 1, tzinfo=UTC))] == [LINE]


async def test_more_changes_than_may_be_read_at_once_are_read_in_parts_and_none_is_lost() -> None:
    now = time.time()
    async with icinga(max_rows=3) as (server, driver):
        access(server)
        ago = [*(3000 + at / 10 for at in range(8)), 70, 60, 50, 40]
        for at, seconds in enumerate(ago):
            times = {"last_hard_state_change": now - seconds, "last_state_critical": now - seconds}
            server.services[f"olt-1!X{at}"] = checked(2, **times)
        changed = await driver.outages_changed(datetime.fromtimestamp(now - 7200, UTC))
        assert sorted(one.id for one in changed) == sorted(f"olt-1!X{at}" for at in range(len(ago)))
        last = await driver.outages_changed(None)
        assert {"olt-1!X11"} <= {one.id for one in last} <= {"olt-1!X9", "olt-1!X10", "olt-1!X11"}
    async with icinga(max_rows=3, max_calls=4) as (server, driver):
        access(server)
        server.services |= {f"olt-1!X{at}": checked(2, last_state_critical=BEGAN) for at in range(4)}
        with pytest.raises(TooMuch):
            await driver.outages_changed(datetime.fromtimestamp(BEGAN - 60, UTC))


async def test_a_storm_of_more_changes_than_may_be_read_is_told_whole_and_polled_on() -> None:
    async with icinga() as (server, _):
        access(server)
        system = System.model_validate({"url": server.url, "driver": "icinga", "connect_timeout": 10.0, "max_rows": 3})
        source = EventSource(poll=0.05, stream=False)
        async with following({"assurance": system}, {"assurance": source}) as found:
            now = time.time()
            for at in range(8):
                moments = dict.fromkeys(["last_hard_state_change", "last_state_critical"], now + at / 20)
                server.services[f"olt-1!X{at}"] = checked(2, **moments)
            await found.all_told(8)
            moments = dict.fromkeys(["last_hard_state_change", "last_state_critical"], now + 1)
            server.services["olt-1!Y"] = checked(2, **moments)
            await found.told(lambda hint: hint.id == "olt-1!Y")
        assert sorted(one.id for one in found.hints) == [*(f"olt-1!X{at}" for at in range(8)), "olt-1!Y"]


def test_wrong_options_are_named() -> None:
    for wrong in ({"severities": {}}, {"severities": {"ok": 1}}, {"service_variable": "a-b"}, {"ended_known": 0}):
        with pytest.raises(ValidationError):
            IcingaOptions.model_validate(wrong)


STREAM: Sequence[tuple[bytes, tuple[str, Change] | None]] = (
    (event("StateChange", host="olt-1", service="S1", state=2, state_type=1), (LINE, Change.CREATED)),
    (event("StateChange", host="olt-1", service="S1", state=0, state_type=1), (LINE, Change.CHANGED)),
    (event("StateChange", host="olt-1", service="S1", state=2, state_type=0), None),
    (event("StateChange", host="agg", state=1, state_type=1), ("agg", Change.CREATED)),
    (event("Flapping", host="olt-1", service="S1", state=0, state_type=1, is_flapping=True), (LINE, Change.CHANGED)),
    (event("AcknowledgementSet", host="agg", state=1), ("agg", Change.CHANGED)),
    (event("AcknowledgementCleared", host="agg", state=0), ("agg", Change.CHANGED)),  # before the change that it is of
    (event("StateChange", host="agg", state=0, state_type=1), ("agg", Change.CHANGED)),
    (event("DowntimeStarted", downtime={"host_name": "agg", "service_name": ""}), ("agg", Change.CHANGED)),
    (event("DowntimeStarted", downtime={"host_name": "olt-1", "service_name": "S1"}), (LINE, Change.CHANGED)),
    (b'{"type": "StateChange"}\n', None),
    (b"half a li\n", None),
    (event("AcknowledgementCleared"), None),
)


async def test_each_event_of_the_stream() -> None:
    async with icinga() as (server, driver):
        told = driver.follow()
        assert await anext(told) == ()
        lines = await server.followers.get()
        assert server.queues[0]["types"] == list(TYPES)
        asked = {json.loads(line)["type"] for line, hint in STREAM if hint is not None}
        assert asked <= set(TYPES)
        body = b"".join(line for line, _ in STREAM)
        for at in range(0, len(body), 100):  # parts that end anywhere
            lines.put_nowait(body[at : at + 100])
        right = [one for _, one in STREAM if one is not None]
        hints: list[Hint] = [hint for _ in right for hint in await anext(told)]
        assert [(one.id, one.change) for one in hints] == right
        assert {one.type for one in hints} == {"Outage"}
        lines.put_nowait(None)
        with pytest.raises(Unreachable, match="closed"):
            await anext(told)


async def test_an_event_at_an_impossible_time_happened_when_it_was_heard() -> None:
    async with icinga() as (server, driver):
        told = driver.follow()
        await anext(told)
        before = time.time()
        odd = event("StateChange", host="agg", state=1, state_type=1, timestamp=1e15)
        (await server.followers.get()).put_nowait(odd)
        (hint,) = await anext(told)
        assert before <= hint.at <= time.time()
        await told.aclose()


async def test_a_stream_that_says_nothing_ends_to_be_begun_anew_and_a_line_without_end_is_a_fault() -> None:
    async with icinga(options={"quiet": 0.01}) as (server, driver):
        told = driver.follow()
        await anext(told)
        assert [one async for one in told] == []
    async with icinga() as (server, driver):
        told = driver.follow()
        await anext(told)
        (await server.followers.get()).put_nowait(b"x" * (LONGEST + 1))
        with pytest.raises(TooLarge):
            await anext(told)


async def test_whoever_polls_follows_and_asks_for_what_it_missed() -> None:
    async with icinga() as (server, _):
        access(server)
        now = time.time()
        system = System.model_validate({"url": server.url, "driver": "icinga", "connect_timeout": 10.0})
        async with following({"assurance": system}, {"assurance": EventSource(poll=3600)}) as found:
            first = await server.followers.get()
            first.put_nowait(event("StateChange", host="olt-1", service="S2", state=2, state_type=1))
            assert (await found.told(lambda hint: hint.id == "olt-1!S2")).source == "stream"
            server.services[LINE] = checked(2, last_state_critical=now, **number("S1")) | {
                "last_hard_state_change": now
            }
            first.put_nowait(None)  # cut: nobody says what happened
            await server.followers.get()
            assert (await found.told(lambda hint: hint.id == LINE)).source == "poll"
