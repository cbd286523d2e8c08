"""What polls tell: once, in time, whatever the system does with what it is asked."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.errors import TooMuch, Unreachable
from connectors.events.hints import Change, Hint, Source
from connectors.events.polling import Poller
from connectors.events.settings import EventSource
from connectors.reading.changes import last_of_all
from connectors.records import Changed
from tests.following import following, until
from tests.systems import Systems, asked, settings

POLL = EventSource(poll=0.05)
TICKETS = "/tmf-api/troubleTicket/v4/troubleTicket"
NEW = {"description": "d", "severity": "Minor", "ticketType": "fault"}
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Table:
    """A system's rows: their ids, when they changed and when they were made. `now` is the gateway's clock."""

    def __init__(self, **rows: tuple[float, float]) -> None:
        self.rows, self.asked = dict(rows), list[datetime | None]()
        self.most, self.now, self.is_away = 100, 3600.0, False

    async def changed(self, since: datetime | None) -> Sequence[Changed]:
        self.asked.append(since)
        if self.is_away:
            raise Unreachable("ticketing", "away")
        found = [Changed(id=key, changed_at=at(one), created_at=at(made)) for key, (one, made) in self.rows.items()]
        found = [one for one in found if since is None or one.changed_at >= since]
        if since is not None and len(found) > self.most:
            raise TooMuch("ticketing", f"more than {self.most} rows")
        return found

    def poller(self) -> Poller:
        return Poller(
            "ticketing", "Ticket", self.changed, timedelta(seconds=10), clock=lambda: at(self.now).timestamp()
        )


def told(hints: Sequence[Hint]) -> list[tuple[str, Change]]:
    return [(one.id, one.change) for one in hints]


async def test_what_was_told_is_new_again_if_it_has_begun_after_that() -> None:
    table = Table(a=(0, 0))
    poller = table.poller()
    await poller.poll()
    table.rows["b"] = (20, 20)
    assert told(await poller.poll()) == [("b", Change.CREATED)]
    table.rows["b"] = (25, 20)
    assert told(await poller.poll()) == [("b", Change.CHANGED)]
    table.rows["b"] = (31, 30.5)  # monitoring has one id for each place
    assert told(await poller.poll()) == [("b", Change.CREATED)]


async def test_the_first_poll_tells_nothing_and_the_next_what_is_new() -> None:
    table = Table(a=(0, -99.5), b=(-50, -99.5))
    poller = table.poller()
    assert await poller.poll() == []
    assert await poller.poll() == []
    table.rows |= {"a": (1.5, -99.5), "c": (2.5, 2.5)}
    hints = await poller.poll()
    assert told(hints) == [("a", Change.CHANGED), ("c", Change.CREATED)]
    assert {one.source for one in hints} == {Source.POLL}
    assert hints[1].at == at(2.5).timestamp()
    assert table.asked == [None, at(-10), at(-10), at(-10)]
    assert await poller.poll() == []
    assert table.asked[-1] == at(2.5 - 10)


async def test_a_change_that_shows_late_is_told() -> None:
    table = Table(a=(0.5, 0.5))
    poller = table.poller()
    await poller.poll()
    table.rows["b"] = (20.5, 20.5)
    assert told(await poller.poll()) == [("b", Change.CREATED)]
    table.rows["c"] = (12.5, 12.5)
    assert told(await poller.poll()) == [("c", Change.CREATED)]
    assert await poller.poll() == []


async def test_a_time_in_whole_seconds_is_told_once_more_for_what_came_in_the_same_second() -> None:
    table = Table(a=(0.5, 0.5))
    poller = table.poller()
    await poller.poll()
    table.rows["b"] = (1, 1)
    first, second = await poller.poll(), await poller.poll()
    assert told([*first, *second]) == [("b", Change.CREATED), ("b", Change.CHANGED)]
    assert first[0].event_id != second[0].event_id
    assert await poller.poll() == []


async def test_what_another_process_told_is_where_this_one_begins() -> None:
    table = Table(a=(0.5, 0.5))
    poller = table.poller()
    await poller.begin()
    poller.heard(at(100).timestamp())
    await poller.poll()
    assert table.asked[-1] == at(90)


async def test_after_a_gap_all_that_changed_since_is_found_until_the_system_has_answered() -> None:
    table = Table(a=(0.5, 0.5))
    poller = table.poller()
    await poller.begin()
    poller.miss()
    poller.heard(at(100).timestamp())
    table.rows |= {"b": (50.5, 50.5), "c": (60.5, -99.5)}
    hints = await poller.catch_up()
    assert told(hints) == [("a", Change.CREATED), ("b", Change.CREATED), ("c", Change.CHANGED)]
    assert {one.event_id for one in hints} == {""}
    assert await poller.catch_up() == []


async def test_after_a_gap_it_is_asked_for_what_this_process_told_and_may_not_have_heard() -> None:
    table = Table(a=(0.5, 0.5))
    poller = table.poller()
    await poller.begin()
    poller.heard(at(1.5).timestamp())
    table.rows |= {"c": (60.5, -99.5), "b": (20.5, -99.5)}
    assert told(await poller.poll()) == [("b", Change.CHANGED), ("c", Change.CHANGED)]
    poller.miss()
    assert {one.id for one in await poller.catch_up()} == {"a", "b", "c"}


@pytest.mark.parametrize("ahead", [0.0, 90_000.0])
async def test_what_changes_while_a_system_is_away_at_the_beginning_is_told(ahead: float) -> None:
    table = Table(a=(ahead - 500, ahead - 500), b=(ahead - 5, ahead - 400), c=(ahead - 450, ahead - 450))
    table.now, table.is_away = 0.0, True
    poller = table.poller()
    for _ in range(2):
        with pytest.raises(Unreachable):
            await poller.poll()
        table.now += 60
    table.rows |= {"a": (ahead + 30.5, ahead - 500), "d": (ahead + 90.5, ahead + 90.5)}
    table.is_away = False
    assert await poller.poll() == []
    keys = {key for key, _ in told(await poller.poll())}
    assert keys - {"b"} == {"a", "d"}  # b: where the clocks differ so much, it cannot be known whether it was before
    assert await poller.poll() == []


async def test_a_time_in_the_far_future_hides_no_other_change() -> None:
    table = Table(a=(0.5, 0.5), wrong=(1e9 + 0.5, 0.5))
    poller = table.poller()
    await poller.begin()
    table.rows["b"] = (20.5, 20.5)
    assert told(await poller.poll()) == [("b", Change.CREATED)]
    table.rows |= {"c": (30.5, 30.5), "wrong": (2e9 + 0.5, 0.5)}
    hints = await poller.poll()
    assert told(hints) == [("c", Change.CREATED), ("wrong", Change.CHANGED)]
    poller.heard(hints[1].at)
    table.rows["d"] = (40.5, 40.5)
    assert told(await poller.poll()) == [("d", Change.CREATED)]


async def test_a_system_whose_clock_is_far_ahead_is_believed() -> None:
    table = Table(a=(1e8 + 0.5, 0.5), b=(1e8 + 1.5, 0.5))
    poller = table.poller()
    await poller.begin()
    table.rows["c"] = (1e8 + 20.5, 1e8 + 20.5)
    assert told(await poller.poll()) == [("c", Change.CREATED)]
    await poller.poll()
    assert table.asked[-1] == at(1e8 + 10.5)


async def test_more_changes_than_can_be_read_are_said_once_and_those_after_them_told() -> None:
    table = Table(a=(0.5, 0.5))
    poller = table.poller()
    await poller.begin()
    poller.miss()
    table.rows |= {f"b{number}": (20.5, -99.5) for number in range(101)} | {"c": (60.5, -99.5)}
    with pytest.raises(TooMuch):
        await poller.poll()
    with pytest.raises(TooMuch):
        await poller.catch_up()
    assert await poller.catch_up() == []
    table.rows["d"] = (61.5, 61.5)
    assert told(await poller.poll()) == [("c", Change.CHANGED), ("d", Change.CREATED)]


@pytest.mark.parametrize("seconds", [20.5, 19.0])
async def test_more_changes_at_one_moment_than_can_be_read_do_not_stop_the_polling(seconds: float) -> None:
    table = Table(a=(0.5, 0.5))
    poller = table.poller()
    await poller.begin()
    table.rows |= {f"b{number}": (seconds, -99.5) for number in range(101)}
    with pytest.raises(TooMuch):
        await poller.poll()
    assert await poller.poll() == []
    table.rows["d"] = (22.5, 22.5)
    assert told(await poller.poll()) == [("d", Change.CREATED)]
    table.rows["e"] = (40.5, 40.5)
    assert told(await poller.poll()) == [("e", Change.CREATED)]


async def test_of_too_many_changes_the_newest_that_can_be_read_are_told() -> None:
    table = Table(a=(0.5, 0.5))
    poller = table.poller()
    await poller.begin()
    table.rows |= {f"b{number}": (20.5, -99.5) for number in range(101)} | {"c": (24.5, 24.5)}
    with pytest.raises(TooMuch):
        await poller.poll()
    assert told(await poller.poll()) == [("c", Change.CREATED)]


async def test_too_many_changes_at_the_beginning_are_none_of_it() -> None:
    table = Table(**{f"b{number}": (20.5, -99.5) for number in range(101)})
    poller = table.poller()
    assert await poller.poll() == []
    table.rows["c"] = (21.5, 21.5)
    assert told(await poller.poll()) == [("c", Change.CREATED)]


MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, set()),
        ({"a": 30}, {"a"}),
        ({"a": 3600}, {"a"}),
        ({"a": 90_000}, set()),
        ({f"a{number}": 7200 for number in range(101)} | {"z": 7000}, {"z"}),
        ({f"a{number}": 30 for number in range(101)} | {"z": 20}, {"z"}),
        ({f"a{number}": 30 for number in range(101)} | {"z": -3600}, {"z"}),  # its clock is ahead
        ({f"a{number}": 30 for number in range(101)}, None),
    ],
)
async def test_the_last_changes_are_found_however_many_there_are(
    changes: dict[str, float], found: set[str] | None
) -> None:
    now = datetime.now(UTC)

    async def ask(since: datetime) -> list[Changed]:
        rows = [Changed(id=key, changed_at=now - timedelta(seconds=ago)) for key, ago in changes.items()]
        rows = [one for one in rows if one.changed_at >= since]
        if len(rows) > 100:
            raise TooMuch("assurance", "more than 100")
        return rows

    if found is None:
        with pytest.raises(TooMuch):
            await last_of_all(ask, (MINUTE, DAY))
    else:
        assert {one.id for one in await last_of_all(ask, (MINUTE, DAY))} == found


async def test_an_empty_system_tells_its_first_row() -> None:
    table = Table()
    poller = table.poller()
    await poller.poll()
    table.rows["a"] = (0.5, 0.5)
    assert told(await poller.poll()) == [("a", Change.CREATED)]


async def change(found: Any, server: Any, ident: str, **patch: str) -> None:
    async with found.session.patch(f"{server.url}{TICKETS}/{ident}", json=patch) as answer:
        assert answer.status == 200


async def created(found: Any, server: Any) -> str:
    async with found.session.post(f"{server.url}{TICKETS}", json=NEW) as answer:
        row: dict[str, str] = await answer.json()
        return row["id"]


BAD: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    ({"version": "v5"}, {"version": "v5"}),
    ({"no_operator_suffixes": True}, {"operators": False}),
    ({"no_sort": True}, {"sort": False}),
    ({"ignore_filters": True}, {}),
    ({"ignore_filters": True, "no_sort": True}, {}),
    ({"max_limit": 7, "no_total": True}, {}),
]


@pytest.mark.parametrize(("switches", "profile"), BAD, ids=lambda one: ",".join(one) or "-")
async def test_what_changed_is_told_and_nothing_else(
    systems: Systems, switches: dict[str, Any], profile: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    server = systems["ticketing"]
    for name, value in switches.items():
        setattr(server.switches, name, value)
    async with following(settings(systems, ticketing={"profile": profile}), {"ticketing": POLL}) as found:
        path = TICKETS.replace("v4", "v5") if "version" in switches else TICKETS
        async with found.session.patch(f"{server.url}{path}/TT-1001-1", json={"description": str(profile)}) as answer:
            assert answer.status == 200
        hint = await found.told(lambda one: one.id == "TT-1001-1")
        assert (hint.type, hint.change, hint.source) == ("Ticket", Change.CHANGED, Source.POLL)
        async with found.session.post(f"{server.url}{path}", json=NEW) as answer:
            made = (await answer.json())["id"]
        assert (await found.told(lambda one: one.id == made)).change is Change.CREATED
    assert len([one for one in caplog.messages if "ignores the filter lastUpdate.gte" in one]) <= 2  # per resource
    if switches.get("ignore_filters"):
        assert any("ignores the filter lastUpdate.gte" in one for one in caplog.messages)


async def test_what_changes_while_a_system_is_away_is_told_when_it_is_back(
    systems: Systems, caplog: pytest.LogCaptureFixture
) -> None:
    server = systems["ticketing"]
    caplog.set_level("INFO", "gateway.events")
    async with following(settings(systems), {"ticketing": POLL}) as found:
        ident = await created(found, server)
        await found.told(lambda one: one.id == ident)
        server.switches.error_rate = 1.0
        await until(lambda: sum(one["status"] == 500 for one in list(server.requests)) >= 6)
        server.app.rewrite(TICKETS, ident, lastUpdate="2026-11-22T12:59:59Z")
        server.switches.error_rate = 0.0
        await found.told(lambda one: one.id == ident and one.at == at(3599).timestamp())
    away = [one for one in caplog.messages if "cannot be asked what changed" in one]
    assert len(away) == 2  # tickets and outages, each once
    assert any("tells again what changed (Ticket)" in one for one in caplog.messages)


async def test_a_system_that_cannot_tell_is_not_polled(systems: Systems, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "gateway.events")
    blind = {"profile": {"operators": False, "sort": False}}
    async with following(settings(systems, ticketing=blind), {"ticketing": POLL, "billing": POLL}) as found:
        async with found.session.get(f"{systems['billing'].url}/payment/v4/payment?limit=1") as answer:
            (payment,) = await answer.json()
        systems["billing"].app.rewrite("/payment/v4/payment", payment["id"], statusDate="2026-11-22T13:00:00Z")
        hint = await found.told(lambda one: one.domain == "billing")
        assert (hint.type, hint.id, hint.change) == ("Payment", payment["id"], Change.CHANGED)
    assert asked(systems["ticketing"]) == []
    reason = "can neither filter nor sort its troubleTicket by the time of the last change"
    assert len([one for one in caplog.messages if reason in one]) == 1


async def test_a_forwarding_system_is_followed_with_the_gateways_own_credentials_or_not_at_all(
    systems: Systems,
) -> None:
    forward = {"auth": {"kind": "forward"}}
    own = EventSource.model_validate({"poll": 0.05, "credentials": {"kind": "bearer", "token": "ours"}})
    systems["ticketing"].switches.auth.kind, systems["ticketing"].switches.auth.token = "bearer", "ours"
    given = settings(systems, ticketing=forward, billing=forward)
    async with following(given, {"ticketing": own, "billing": POLL}) as found:
        assert list(found.listening.not_followed) == ["billing"]
        assert "live.sources.billing.credentials" in found.listening.not_followed["billing"]
        systems["ticketing"].app.rewrite(TICKETS, "TT-1001-1", lastUpdate="2026-11-22T14:00:00Z")
        await found.told(lambda one: one.id == "TT-1001-1")
    assert asked(systems["billing"]) == []
