"""What surprises in Alertmanager, each with the right value."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from pydantic import ValidationError

from connectors.assurance.alertmanager.driver import AlertmanagerAssurance
from connectors.assurance.alertmanager.options import AlertmanagerOptions
from connectors.assurance.port import Outage, OutageState
from connectors.errors import Garbled, NotSupported, Refused, Rejected, TooMuch
from connectors.events.hints import Change, Hint, Source
from connectors.events.settings import EventSource
from connectors.events.speaking import Event, Malformed
from connectors.records import Window
from connectors.settings import System
from tests.connectors.assurance.keeping_alerts import (
    BEGAN,
    SECRET,
    alert,
    alertmanager,
    process,
    service_down,
    silenced,
)
from tests.following import following

ID = "ServiceDown:S1:olt-1"
ALL = Window(0, 100)
DEVICE = {"alertname": "DeviceDown", "device": "olt-2", "site": "S1", "severity": "critical"}


async def open_outages(driver: AlertmanagerAssurance) -> list[Outage]:
    return list((await driver.outage_list(ALL, None, is_open=True)).items)


async def outage(driver: AlertmanagerAssurance, key: str = ID) -> Any:
    return (await driver.outages([key], None)).get(key)


def hear(driver: AlertmanagerAssurance, body: bytes) -> Sequence[Hint]:
    return driver.events.read_event(Event({}, body, datetime.now(UTC).timestamp()), "")


async def test_grouped_alerts_are_one_outage_and_other_customers_texts_are_not_shown() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [
            service_down("S2", annotations={"summary": "S2 is down", "description": "No light."}),
            service_down(
                "S1", annotations={"summary": "S1 is down", "description": "No light."}, startsAt=BEGAN[:-5] + "Z"
            ),
        ]
        (one,) = await open_outages(driver)
        assert (one.id, one.service_ids, one.resource_ids, one.severity) == (ID, ("S1", "S2"), (), 1)
        assert (one.name, one.description) == ("ServiceDown S1 olt-1", "Site: S1. 2 alerts.")
        assert one.started_at == datetime(2026, 11, 29, 1, 17, tzinfo=UTC)
        assert (await outage(driver)) == one
        server.alerts = server.alerts[:1]
        (one,) = await open_outages(driver)
        assert (one.name, one.description) == ("ServiceDown S1 olt-1", "Site: S1.")


async def test_the_texts_of_one_service_are_shown_to_everybody_where_the_options_say_so() -> None:
    async with alertmanager(options={"shows_texts_of_services": True}) as (server, driver):
        texts = {"summary": "S2 is down", "description": "No light."}
        server.alerts = [service_down("S2", annotations=texts), service_down("S1", annotations=texts)]
        (one,) = await open_outages(driver)
        assert (one.name, one.description) == ("S2 is down", "No light. Site: S1. 2 alerts.")


async def test_what_is_no_outage_by_the_rule_is_none_also_where_filters_are_ignored() -> None:
    minor = service_down("S1", labels={"severity": "minor"})
    watchdog = alert({"alertname": "Watchdog", "severity": "none"})
    without = alert({"alertname": "Odd"})
    async with alertmanager(options={"labels": {"job": "access|core"}}) as (server, driver):
        fits = service_down("S3", labels={"job": "core"})
        server.alerts = [minor, watchdog, without, service_down("S2"), fits]
        assert [one.service_ids for one in await open_outages(driver)] == [("S3",)]
        assert server.seen == ['/api/v2/alerts severity=~"critical|major" job=~"access|core"']
        assert hear(driver, server.hook(minor, watchdog, without)) == []


async def test_many_services_are_one_question_and_the_outage_is_read_whole() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [service_down("S1"), service_down("S2"), alert(DEVICE)]
        found = await driver.open_outages_of_services(["S1", "S9", ""], None)
        assert {key: [one.service_ids for one in rows.items] for key, rows in found.items()} == {"S1": [("S1", "S2")]}
        assert server.seen == [
            '/api/v2/alerts severity=~"critical|major" service=~"S1|S9"',
            '/api/v2/alerts severity=~"critical|major" alertname=~"ServiceDown" site=~"S1" device=~"olt-1"',
        ]


async def test_an_empty_key_and_a_key_with_signs_match_nothing_else() -> None:
    odd = 'a"b\\c.*|d'
    async with alertmanager() as (server, driver):
        server.alerts = [service_down(odd), alert(DEVICE)]
        assert await driver.open_outages_of_services([""], None) == {}
        assert server.seen == []
        found = await driver.open_outages_of_services([odd, ".*", "a"], None)
        assert [*found] == [odd]


async def test_a_device_is_affected_by_alerts_that_name_no_service() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [service_down("S1"), alert(DEVICE)]
        found = await driver.open_outages_of_resources(["olt-1", "olt-2"], None)
        assert {key: [one.id for one in rows.items] for key, rows in found.items()} == {
            "olt-2": ["DeviceDown:S1:olt-2"]
        }


async def test_alerts_without_a_grouping_label_are_found_by_id_too() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [
            alert({"alertname": "PowerFailure", "site": "S1", "severity": "major"}),
            alert({"alertname": "PowerFailure", "site": "S1", "device": "olt-1", "severity": "major"}),
        ]
        found = await driver.outages(["PowerFailure:S1:", "PowerFailure::", "PowerFailure:S1", "::", "nothing"], None)
        assert [*found] == ["PowerFailure:S1:"]


async def test_the_id_stays_while_alerts_come_and_go_and_their_severity_changes() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [service_down("S1", labels={"severity": "major"})]
        before = await outage(driver)
        server.alerts = [service_down("S1"), *server.alerts]  # a changed label is another alert, beside the old one
        both = await outage(driver)
        server.alerts = [service_down("S2")]
        after = await outage(driver)
        assert [one.severity for one in (before, both, after)] == [2, 1, 1]
        assert {one.id for one in (before, both, after)} == {ID}


@pytest.mark.parametrize(
    ("silence_began", "state", "sentence"),
    [
        ("2026-11-29T02:00:00Z", OutageState.ACKNOWLEDGED, "Acknowledged until 2026-12-02 00:48 UTC."),
        ("2026-11-28T00:00:00Z", OutageState.HELD, "Planned work until 2026-12-02 00:48 UTC."),
    ],
)
async def test_a_silence_acknowledges_and_one_from_before_is_planned_work(
    silence_began: str, state: OutageState, sentence: str
) -> None:
    async with alertmanager() as (server, driver):
        server.silences["k"] = {
            "id": "k",
            "startsAt": silence_began,
            "endsAt": "2026-12-02T00:48:20.376Z",
            "comment": "INC",
        }
        server.alerts = [silenced(service_down("S1"), "k")]
        one = await outage(driver)
        assert (one.state, one.raw_state, one.is_open) == (state, "suppressed", True)
        assert one.description == f"Site: S1. {sentence}"
        server.alerts.append(service_down("S2"))  # nobody has taken care of this one
        assert (await outage(driver)).state is OutageState.IN_PROGRESS


async def test_silences_are_read_for_what_they_say_only_and_one_that_is_gone_is_none() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [silenced(service_down("S1"), "gone")]
        await driver.outages([ID], frozenset({"name", "service_ids"}))
        assert len(server.seen) == 1
        assert (await outage(driver)).description == "Site: S1. Acknowledged."


async def test_an_inhibited_alert_is_a_consequence() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [service_down("S1", status={"state": "suppressed", "silencedBy": [], "inhibitedBy": ["5c61"]})]
        one = await outage(driver)
        assert (one.state, one.description) == (
            OutageState.IN_PROGRESS,
            "Site: S1. It is a consequence of another outage.",
        )


async def test_what_moves_with_each_repetition_is_no_change() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [service_down("S1")]
        (first,) = await driver.outages_changed(None)
        server.alerts[0] |= {"endsAt": "2026-12-01T00:00:00Z", "updatedAt": "2026-11-30T23:00:00Z"}
        assert await driver.outages_changed(None) == [first]
        assert first.created_at == datetime(2026, 11, 29, 1, 17, 0, 998000, tzinfo=UTC) < first.changed_at
        server.alerts = [silenced(server.alerts[0], "k")]
        (later,) = await driver.outages_changed(first.changed_at)
        assert later.changed_at > first.changed_at


async def test_of_more_outages_at_once_than_an_event_can_have_none_seems_new_each_time() -> None:
    async with alertmanager() as (server, driver):
        one = alert(DEVICE)
        server.alerts = [
            one | {"labels": DEVICE | {"device": f"olt-{at}"}, "fingerprint": f"{at:016x}"} for at in range(5001)
        ]
        changed = await driver.outages_changed(None)
        assert len(changed) == 5001
        last = max(one.changed_at for one in changed)
        assert await driver.outages_changed(last + timedelta(microseconds=1)) == []


async def test_a_beginning_in_the_future_or_long_ago_hides_no_other_change() -> None:
    async with alertmanager() as (server, driver):
        ahead = (datetime.now(UTC) + timedelta(minutes=4)).isoformat()
        server.alerts = [service_down("S1", startsAt=ahead)]
        (first,) = await driver.outages_changed(None)
        server.alerts = [alert(DEVICE)]  # S1 has ended; this began yesterday, and came only now
        changed = await driver.outages_changed(first.changed_at)
        assert {one.id for one in changed} == {ID, "DeviceDown:S1:olt-2"}


async def test_an_outage_that_is_gone_has_ended_and_is_found_for_a_while() -> None:
    async with alertmanager(options={"ended_known": 0.0}) as (server, driver):
        server.alerts = [service_down("S1")]
        await outage(driver)
        server.alerts = []
        ended = await outage(driver)
        assert (ended.state, ended.raw_state, ended.is_open) == (OutageState.RESOLVED, "resolved", False)
        assert (ended.resolved_at, ended.service_ids) == (None, ("S1",))  # Alertmanager does not say when
        assert await outage(driver, "ServiceDown:S1:olt-9") is None
        assert (await driver.outage_list(ALL, None, is_open=None)).items == []  # forgotten


async def test_lists_of_ended_outages_have_no_total_and_open_ones_have() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [service_down("S1"), alert(DEVICE)]
        assert (await driver.outage_list(ALL, None, is_open=True)).total == 2
        del server.alerts[0]
        await driver.outages_changed(None)
        rows = await driver.outage_list(ALL, None, is_open=False)
        assert ([one.id for one in rows.items], rows.total) == ([ID], None)
        assert len((await driver.outage_list(ALL, None, is_open=None)).items) == 2


async def test_the_same_fault_again_is_the_same_place_with_a_later_beginning() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [service_down("S1")]
        first = await outage(driver)
        server.alerts = []
        await driver.outages_changed(None)
        server.alerts = [service_down("S1", startsAt="2026-11-30T05:00:00Z")]  # the same fingerprint
        again = await outage(driver)
        assert (again.id, again.is_open, again.resolved_at) == (first.id, True, None)
        assert again.started_at == datetime(2026, 11, 30, 5, tzinfo=UTC) > first.started_at
        (changed,) = await driver.outages_changed(None)
        assert changed.created_at == again.started_at


async def test_an_empty_list_after_a_restart_ends_nothing() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [service_down("S1")]
        before = await outage(driver)
        server.alerts, server.started = [], datetime.now(UTC)
        assert await outage(driver) == before
        assert [one.id for one in await driver.outages_changed(None)] == [ID]
        server.started -= timedelta(minutes=6)
        assert (await outage(driver)).state is OutageState.RESOLVED


async def test_an_alert_that_cannot_be_read_ends_nothing_and_costs_only_what_it_may_be() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [service_down("S1"), alert(DEVICE)]
        await driver.outages_changed(None)
        server.alerts[0] = service_down("S1") | {"labels": "odd"}
        found = await driver.outages([ID, "DeviceDown:S1:olt-2"], None)
        assert isinstance(found[ID], Garbled)
        assert isinstance(found["DeviceDown:S1:olt-2"], Outage)
        rows = await driver.outage_list(ALL, None, is_open=True)
        assert (len(rows.items), rows.total, rows.unread) == (1, None, 1)
        server.alerts = server.alerts[:1]
        with pytest.raises(Garbled):
            await driver.outage_list(ALL, None, is_open=True)


async def test_odd_values_cost_their_attribute() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [service_down("S1", startsAt="soon", annotations=None, status={"state": "unprocessed-2"})]
        one = await outage(driver)
        assert (one.started_at, one.name, one.raw_state) == (None, "ServiceDown S1 olt-1", "unprocessed-2")
        server.alerts = [service_down("S1", status=None)]
        assert (await outage(driver)).state is OutageState.UNKNOWN


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, {"status": "success", "data": []}, Garbled),  # /api/v1
        (400, "bad matcher format: nonsense", Rejected),
        (422, {"code": 601, "message": "..."}, Rejected),
        (404, {"code": 404, "message": "path was not found"}, Rejected),
    ],
)
async def test_other_shapes_and_errors_of_two_kinds(status: int, body: Any, error: type[Exception]) -> None:
    async with alertmanager() as (server, driver):
        server.refusal = (status, json.dumps(body))
        with pytest.raises(error):
            await open_outages(driver)


async def test_more_alerts_than_are_allowed_are_too_much() -> None:
    async with alertmanager(max_rows=2) as (server, driver):
        server.alerts = [service_down(f"S{n}") for n in range(3)]
        with pytest.raises(TooMuch):
            await driver.outage_list(ALL, None, is_open=True)
        assert isinstance((await driver.open_outages_of_services(["S1", "S2", "S0"], None))["S1"], TooMuch)


async def test_a_label_that_is_not_named_is_not_supported() -> None:
    async with alertmanager(options={"resource_label": ""}) as (server, driver):
        assert [*driver.unsupported] == ["Outage.ticket_ids", "open_outages_of_resources"]
        with pytest.raises(NotSupported):
            await driver.open_outages_of_resources(["olt-1"], None)
        assert server.seen == []


def test_wrong_options_are_named() -> None:
    for wrong in ({"severities": {}}, {"group_by": []}, {"labels": {"job": "("}}, {"service_label": "a-b"}):
        with pytest.raises(ValidationError):
            AlertmanagerOptions.model_validate(wrong)


async def test_each_alert_of_an_event_has_its_own_status() -> None:
    async with alertmanager() as (server, driver):
        down, gone = service_down("S1"), alert(DEVICE)
        body = json.loads(server.hook(down))
        body["alerts"] += json.loads(server.hook(gone, ended="2026-11-29T01:17:13.5Z"))["alerts"]
        first, second = hear(driver, json.dumps(body).encode())
        assert (first.type, first.id, first.change) == ("Outage", ID, Change.CREATED)
        assert (second.id, second.change) == ("DeviceDown:S1:olt-2", Change.REMOVED)
        assert second.at == datetime(2026, 11, 29, 1, 17, 13, 500000, tzinfo=UTC).timestamp()


async def test_a_repeated_event_is_known_and_another_is_not() -> None:
    async with alertmanager() as (server, driver):
        down = service_down("S1")
        (one,), (same,) = hear(driver, server.hook(down)), hear(driver, server.hook(down))
        (ended,) = hear(driver, server.hook(down, ended="2026-11-29T02:00:00Z"))
        (again,) = hear(driver, server.hook(down | {"startsAt": "2026-11-29T03:00:00Z"}))
        assert one.event_id == same.event_id
        assert len({one.event_id, ended.event_id, again.event_id}) == 3


async def test_the_event_says_when_an_outage_ended_unless_another_alert_of_it_fires() -> None:
    async with alertmanager() as (server, driver):
        server.alerts, server.started = [service_down("S1"), service_down("S2")], datetime.now(UTC)
        await outage(driver)
        hear(driver, server.hook(server.alerts[0], ended="2026-11-29T02:00:00Z"))  # truncated: S2 is not in it
        assert (await outage(driver)).is_open
        hear(driver, server.hook(*server.alerts, ended="2026-11-29T03:00:00Z"))
        server.alerts = []
        one = await outage(driver)
        assert (one.state, one.service_ids) == (OutageState.RESOLVED, ("S1", "S2"))
        assert one.resolved_at == datetime(2026, 11, 29, 3, tzinfo=UTC)


async def test_an_end_that_another_process_was_posted_is_believed_also_after_a_restart() -> None:
    async with alertmanager() as (server, posted), process(server) as other, process(server) as deaf:
        server.alerts, server.started = [service_down("S1")], datetime.now(UTC)
        for one in (posted, other, deaf):
            assert (await outage(one)).is_open
        (hint,) = hear(posted, server.hook(*server.alerts, ended="2026-11-29T03:00:00Z"))
        other.heard(hint)
        assert (await outage(other)).is_open  # it is read all the same
        other.heard(hint)
        server.alerts = []
        assert (await outage(deaf)).is_open
        for one in (posted, other):
            ended = await outage(one)
            assert (ended.is_open, ended.resolved_at) == (False, datetime(2026, 11, 29, 3, tzinfo=UTC))
        server.alerts = [service_down("S1", startsAt="2026-11-30T05:00:00Z")]
        for change in ({"change": Change.CREATED}, {"source": Source.POLL}):
            assert (await outage(other)).is_open
            other.heard(msgspec.structs.replace(hint, **change))
            server.alerts, kept = [], server.alerts
            assert (await outage(other)).is_open
            server.alerts = kept


async def test_trap_a_wrong_password_is_401_in_plain_text() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [service_down("S1")]
        await outage(driver)
        server.refusal = (401, "Unauthorized")
        for asked in (driver.probe(), open_outages(driver), driver.outages_changed(None)):
            with pytest.raises(Refused):
                await asked
        assert isinstance(await outage(driver), Refused)


async def test_trap_times_have_nanoseconds_and_the_year_1_is_none() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [service_down("S1", startsAt="2026-11-29T01:17:00.998093512Z")]
        at = datetime(2026, 11, 29, 1, 17, 0, 998093, tzinfo=UTC)
        assert (await outage(driver)).started_at == at
        (hint,) = hear(driver, server.hook(*server.alerts))  # its endsAt is the year 1
        assert (hint.change, hint.at) == (Change.CREATED, at.timestamp())


async def test_an_outage_that_only_the_event_told_of_is_found_when_it_has_ended() -> None:
    async with alertmanager() as (server, driver):
        down = service_down("S1", annotations={"summary": "S1 is down"})
        hear(driver, server.hook(down, ended="2026-11-29T03:00:00Z"))
        one = await outage(driver)
        assert (one.name, one.is_open, one.resolved_at) == (
            "ServiceDown S1 olt-1",
            False,
            datetime(2026, 11, 29, 3, tzinfo=UTC),
        )


async def test_odd_events() -> None:
    async with alertmanager() as (server, driver):
        good = json.loads(server.hook(service_down("S1")))["alerts"][0]
        for body in (b"", b"[]", b'{"alerts": 1}', b'{"alerts": [{}]}', json.dumps({"alerts": [{}] * 5001}).encode()):
            with pytest.raises(Malformed):
                hear(driver, body)
        assert [one.id for one in hear(driver, json.dumps({"alerts": [{"labels": 1}, good]}).encode())] == [ID]
        assert hear(driver, b'{"alerts": []}') == []


async def test_who_posts_proves_it_and_what_is_not_posted_is_found_by_polling() -> None:
    async with alertmanager() as (server, _):
        system = System.model_validate({"url": server.url, "driver": "alertmanager", "connect_timeout": 10.0})
        source = EventSource(secret=SECRET, poll=0.05)
        async with following({"assurance": system}, {"assurance": source}) as found:
            await found.listening.has_begun.wait()
            body = server.hook(down := service_down("S1"))
            assert await found.post("/events/assurance/a-secret-that-is-wrong", body) == 404
            assert await found.post(f"/events/assurance/{SECRET}", body) == 204
            told = await found.told(lambda hint: hint.id == ID)
            assert (told.source, told.change) == (Source.WEBHOOK, Change.CREATED)
            # Of silenced alerts nothing is posted, nor that they have ended.
            server.alerts = [silenced(down | {"startsAt": datetime.now(UTC).isoformat()}, "k")]
            await found.all_told(1, lambda hint: hint.source is Source.POLL)
            server.alerts = []
            await found.all_told(2, lambda hint: hint.source is Source.POLL)
            assert {hint.id for hint in found.hints} == {ID}


async def test_an_alert_that_comes_twice_is_one_and_an_odd_silence_costs_no_outage() -> None:
    async with alertmanager() as (server, driver):
        server.alerts = [silenced(service_down("S1"), "k")] * 2
        server.silences["k"] = {"startsAt": "2026-11-29T02:00:00Z", "endsAt": 1796172500000}
        assert (await outage(driver)).description == "Site: S1. Acknowledged until 2026-12-02 00:48 UTC."
        server.silences["k"] = {"startsAt": ["x"], "endsAt": {}}
        assert (await outage(driver)).description == "Site: S1. Acknowledged."
        assert any("has a silence that cannot be read" in one for one in driver.http.health.notices)
