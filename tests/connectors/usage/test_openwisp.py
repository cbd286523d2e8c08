"""Usage by openwisp-radius: each trap of its answers, before a server that answers as the live one did."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.errors import ConnectorError, Garbled, Refused, Rejected, TimedOut, TooMuch
from connectors.http.scope import RequestScope, request_scope
from connectors.reading.dates import Dates, time_zone
from connectors.reading.warn_once import WarnOnce
from connectors.records import Known, Rows
from connectors.usage.openwisp.client import Rest
from connectors.usage.openwisp.cycle import cycle_at, day_at
from connectors.usage.openwisp.options import OpenwispOptions
from connectors.usage.openwisp.sessions import Sessions
from connectors.usage.openwisp.users import Users
from connectors.usage.port import UsageAllowance
from tests.connectors.usage.openwisp_keeping import GB, SESSIONS, USERS, Openwisp, at, driving, written

PLANS: Any = {"live-fib-100": [{"limit": 100}]}
DAILY: Any = [{"per": "day", "limit": 20}, {"of": "time", "per": "day", "limit": 86400}]
FULL: Any = {"live-fib-100": [{"limit": 100}, *DAILY]}


def one_user(name: str = "S1") -> Openwisp:
    """With one user of the customer C1, and no sessions."""
    server = Openwisp()
    server.user(name)
    return server


async def used(server: Openwisp, customer: str = "C1", **more: Any) -> list[Decimal | None]:
    """What a customer has used, by a driver of its own."""
    async with driving(server, **more) as driver:
        return amounts(await driver.usage_of_customers([customer]), customer)


def nothing() -> None:
    """Happens after an answer."""


def amounts(found: Mapping[str, Any], customer: str = "C1") -> list[Decimal | None]:
    if isinstance(found.get(customer), ConnectorError):
        raise found[customer]
    return [one.used for one in found[customer].items] if customer in found else []


async def test_an_allowance_has_all_that_sessions_and_plan_say() -> None:
    server = one_user()
    server.session("S1", at(3), gigabytes=30)
    server.session("S1", at(16, 10), gigabytes=5)
    async with driving(server, plans=FULL, timezone="Europe/Prague") as driver:
        found = await driver.usage_of_customers(["C1"])
    zone = time_zone("Europe/Prague")
    month, day = datetime(2026, 12, 1, tzinfo=zone), datetime(2026, 11, 17, tzinfo=zone)
    assert found["C1"] == Rows.of(
        [
            UsageAllowance(
                id=f"S1/{key}", owners=Known(("C1",)), name=f"{name}, S1", usage_type=kind,
                used=Decimal(amount), remaining=Decimal(left), unit=unit, resets_at=end,
            )
            for key, name, kind, amount, left, unit, end in (
                ("data-cycle", "Data per billing cycle", "data", 35, 65, "GB", month),
                ("data-day", "Data per day", "data", 5, 15, "GB", day),
                ("time-day", "Time online per day", "time", 3600, 82800, "s", day),
            )
        ]
    )  # fmt: skip
    assert server.asked == [f"{USERS}?page=1&page_size=100", f"{SESSIONS}?username=S1&page_size=100"]


async def test_trap_a_wrong_token_is_401_and_a_users_own_is_403() -> None:
    for token in ("wrong", "user"):
        async with driving(one_user(), token=token) as driver:
            with pytest.raises(Refused):
                await driver.probe()
            with pytest.raises(Refused):
                await driver.usage_of_customers(["C1"])
    async with driving(one_user()) as driver:
        await driver.probe()


async def test_trap_what_answers_with_another_usage_or_without_credentials_is_never_asked() -> None:
    server = one_user()
    server.session("S1", at(3))
    async with driving(server, plans=FULL) as driver:
        await driver.probe()
        await driver.usage_of_customers(["C1", "C2"])
    # Neither account/usage, which tells the manager's own, nor freeradius/accounting, which may ask for no token.
    assert {question.partition("?")[0] for question in server.asked} == {SESSIONS, USERS}


async def test_trap_there_is_no_batch_each_user_is_asked_for_once() -> None:
    server = Openwisp()
    for number in range(6):
        server.user(f"S{number}", f"C{number // 2}")
        server.session(f"S{number}", at(3), gigabytes=number)
    async with driving(server) as driver:
        found = await driver.usage_of_customers(["C0", "C2", "C0", "C9"])
    assert {key: amounts(found, key) for key in found} == {"C0": [0, 1], "C2": [4, 5]}
    assert sorted(server.asked[1:]) == [f"{SESSIONS}?username=S{one}&page_size=100" for one in (0, 1, 4, 5)]


async def test_trap_users_cannot_be_filtered_so_that_all_are_read_and_kept_for_a_while() -> None:
    server = Openwisp()
    for number in range(250):
        server.user(f"S{number:03}", f"C{number}")
    async with driving(server) as driver:
        for key, expected in (("C7", [0]), ("C201", [0]), ("C999", [])):
            assert amounts(await driver.usage_of_customers([key]), key) == expected
        assert sum(question.startswith(USERS) for question in server.asked) == 3
    async with driving(server, users_kept=0) as driver:
        server.asked.clear()
        await driver.usage_of_customers(["C7"])
        server.users[249 - 7]["last_name"] = "C8"
        assert amounts(await driver.usage_of_customers(["C7"]), "C7") == []
        assert amounts(await driver.usage_of_customers(["C8"]), "C8") == [0, 0]
    assert await used(server, "C8", settings={"max_calls": 3}) == [0, 0]
    with pytest.raises(TooMuch):
        await used(server, "C8", settings={"max_calls": 2})


async def test_a_user_may_be_the_customer_and_then_no_list_is_read() -> None:
    server = Openwisp()
    server.session("C1", at(3), gigabytes=7)
    async with driving(server, customer="username") as driver:
        found = await driver.usage_of_customers(["C1", "C2"])
    assert {key: amounts(found, key) for key in found} == {"C1": [7]}
    assert sorted(server.asked) == [f"{SESSIONS}?username={key}&page_size=100" for key in ("C1", "C2")]


async def test_trap_an_empty_filter_is_ignored_and_a_nul_refused_so_neither_is_sent() -> None:
    server = Openwisp()
    async with driving(server, customer="username") as driver:
        assert await driver.usage_of_customers(["", " ", "C\x001", "C" * 5000, " C1"]) == {}
    assert server.asked == []


async def test_trap_a_filter_that_is_ignored_gives_everybodys_sessions_and_none_is_counted() -> None:
    server = one_user()
    server.session("S1", at(3))
    server.session("S2", at(4))
    server.drops = {"username"}
    with pytest.raises(Rejected, match="username"):
        await used(server)


async def test_trap_pages_are_told_by_a_header_only_and_one_past_the_end_is_404() -> None:
    server = one_user()
    for day in range(1, 16):
        server.session("S1", at(day), gigabytes=day)
    assert await used(server, page_size=5) == [120]
    assert len(server.asked) == 1 + 1 + 2 + 2
    server.asked.clear()
    assert await used(server, page_size=15) == [120]  # a full page looks as if another one followed
    assert len(server.asked) == 1 + 1 + 2
    server.drops = {"Link"}  # by something on the way
    with pytest.raises(Garbled, match="header Link"):
        await used(server, page_size=5)
    assert await used(server, page_size=16) == [120]


async def test_long_headers_link_of_any_shape_name_no_page() -> None:
    """The gateway reads 64 KB of a header. Cubic search took hours for many of these; quadratic would take minutes."""
    begins = ("<", ">", "<>", "<a", "?page=1", "<?page=1", "<?page=1>", "<?page=1>;", "<&page=1&page=1")
    rels = ('<?page=1>; rel="', '<?page=1>; rel="nex"', '<?page=9>; rel="first", ', "<?page=1;rel=", "<?page=1> ")
    ends = ("", ">", '>; rel="prev"', ">" + " " * 30_000 + ".", ">;" + " " * 30_000 + ".")
    server = one_user()
    server.session("S1", at(3), gigabytes=3)
    for part in (*begins, *rels, "?page=" + "1" * 99, "<?page=1>;" + " " * 99):
        for end in ends:
            server.link = part * ((64_000 - len(end)) // len(part)) + end
            assert await used(server) == [3]


async def test_trap_a_page_size_above_100_is_cut_silently_and_is_no_option() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 100"):
        OpenwispOptions.model_validate({"page_size": 101})


async def test_trap_what_was_open_after_a_moment_cannot_be_asked_for_and_is_found_by_counting() -> None:
    server = one_user()
    for number in range(60):  # the newest three in the cycle
        server.session("S1", at(9) - timedelta(days=4 * number), gigabytes=1)
    assert await used(server, page_size=10) == [3]
    assert [one.partition("?")[2] for one in server.asked[1:]] == [
        "username=S1&page_size=10",
        "username=S1&page_size=1",
        "username=S1&page_size=1&stop_time=2026-11-01T00:00:00Z",
    ]
    # One that ended with the old cycle is not sought; one that began before all others and is open is on the last page.
    server.session("S1", at(31, 23, month=10), gigabytes=8)
    server.session("S1", at(1, month=1), hours=24 * 310, gigabytes=40, stop_time=None)
    server.asked.clear()
    assert await used(server, page_size=10) == [43]
    assert len(server.asked) == 1 + 3 + 6


async def test_a_list_that_changes_while_it_is_read_is_read_once_more_and_then_given_up() -> None:
    server = one_user()
    for day in range(1, 13):
        server.session("S1", at(day))

    def begins() -> None:
        server.session("S1", at(14) + timedelta(minutes=len(server.sessions)), gigabytes=5)

    server.after = [nothing, begins]  # between the first page and the counts
    assert await used(server, page_size=5) == [17]
    server.after = [nothing, *[begins] * 50]
    with pytest.raises(Garbled, match="fewer came"):
        await used(server, page_size=5)


async def test_trap_a_session_that_moves_to_the_next_page_counts_once() -> None:
    server = one_user()
    for day in range(1, 13):
        server.session("S1", at(day))
    server.session("S1", at(1, month=9), hours=24 * 70, gigabytes=100)  # on the last page
    server.after = [nothing] * 4 + [lambda: server.session("S1", at(15), gigabytes=7)]  # after the second page
    assert await used(server, page_size=5) == [112]


async def test_trap_an_unknown_user_is_200_and_empty_and_a_known_one_has_used_nothing() -> None:
    assert await used(one_user(), plans=PLANS) == [0]
    assert await used(one_user(), "C2") == []


async def test_trap_octets_and_time_are_null_until_they_are_counted() -> None:
    server = one_user()
    server.session("S1", at(16, 11), hours=None, gigabytes=None, stop_time=None)
    server.session("S1", at(16, 9), gigabytes=2)
    assert await used(server) == [2]


async def test_trap_octets_pass_32_bits_and_are_exact() -> None:
    server = one_user()
    server.session("S1", at(3), input_octets=2**32 + 1, output_octets=2**53 + 1)
    assert await used(server) == [Decimal(2**32 + 1 + 2**53 + 1) / GB]
    server.sessions[0] |= {"input_octets": str(2**32), "output_octets": None}
    assert await used(server, unit="MB") == [Decimal(2**32) / 10**6]


@pytest.mark.parametrize(
    "odd",
    [
        {"input_octets": -1},
        {"input_octets": True},
        {"output_octets": "many"},
        {"session_time": 1.5},
        {"session_time": 10**18},
        {"start_time": None},
        {"stop_time": "soon"},
    ],
    ids=str,
)
async def test_a_session_that_cannot_be_read_leaves_no_sum(odd: dict[str, Any]) -> None:
    server = one_user()
    server.user("S2")
    server.session("S1", at(3))
    server.session("S2", at(3), gigabytes=4)
    server.sessions[0] |= odd
    async with driving(server) as driver:
        rows = (await driver.usage_of_customers(["C1"]))["C1"]
        assert ([one.used for one in rows.items], rows.total, rows.unread) == ([4], None, 1)
        server.users.pop(0)
    with pytest.raises(Garbled):
        await used(server)
    # One that was stopped before the cycle counts nothing, whatever it says.
    if "stop_time" not in odd:
        server.sessions[0]["stop_time"] = written(at(30, month=10))
        assert await used(server) == [0]


async def test_a_session_without_its_octets_or_name_leaves_no_sum() -> None:
    for lacking in ("input_octets", "unique_id", "stop_time"):
        server = one_user()
        del server.session("S1", at(3))[lacking]
        with pytest.raises(Garbled):
            await used(server)


async def test_a_session_that_cannot_be_read_among_many_pages_costs_its_user_only() -> None:
    server = one_user()
    server.user("S2")
    server.session("S2", at(3), gigabytes=4)
    for day in range(1, 13):
        server.session("S1", at(day))
    del server.sessions[-1]["input_octets"]
    async with driving(server, page_size=5) as driver:
        rows = (await driver.usage_of_customers(["C1"]))["C1"]
    assert ([one.used for one in rows.items], rows.total, rows.unread) == ([4], None, 1)


async def test_rows_that_are_no_sessions_are_another_product() -> None:
    server = one_user()
    del server.session("S1", at(3))["session_time"]
    async with driving(server) as driver:
        with pytest.raises(Garbled, match="no sessions of openwisp-radius"):
            await driver.probe()


async def test_who_asks_while_the_list_of_users_is_read_waits_for_it_and_not_for_ever() -> None:
    server = one_user()
    server.session("S1", at(3))
    async with driving(server) as driver:
        found = await asyncio.gather(*(driver.usage_of_customers(["C1"]) for _ in range(5)))
        assert [amounts(one) for one in found] == [[1]] * 5
        assert sum(one.startswith(USERS) for one in server.asked) == 1
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        begun.set()
        await let_go.wait()

    server.holds = hold
    async with driving(server) as driver, asyncio.TaskGroup() as group:
        first = group.create_task(driver.usage_of_customers(["C1"]))
        await begun.wait()
        with request_scope(RequestScope.lasting(0.2)), pytest.raises(TimedOut, match="list of users"):
            await driver.usage_of_customers(["C1"])
        let_go.set()
        assert amounts(await first) == [1]


async def test_the_list_of_users_is_read_again_when_it_was_kept_for_as_long_as_the_option_says() -> None:
    server, now = one_user(), 0.0
    async with driving(server) as driver:
        rest = Rest(driver.http, Sessions(Dates("UTC", WarnOnce("usage"))), "last_name", 100)
        users = Users(driver.http, rest, OpenwispOptions(users_kept=60), clock=lambda: now)
        for now, calls in ((0.0, 1), (59.9, 1), (60.0, 2), (119.9, 2)):  # noqa: B007  # the clock reads it
            assert (await users.of(["C1"])).names == {"C1": ["S1"]}
            assert len(server.asked) == calls


async def test_a_list_of_users_that_is_kept_serves_no_other_caller_and_nothing_that_must_be_current() -> None:
    server = one_user()
    for settings, is_current in ((None, True), ({"auth": {"kind": "forward"}}, False)):
        server.asked.clear()
        async with driving(server, settings=settings) as driver:
            for _ in range(2):
                scope = RequestScope.lasting(20)
                scope.token, scope.is_current = "manager", is_current
                with request_scope(scope):
                    assert amounts(await driver.usage_of_customers(["C1"])) == [0]
        assert sum(one.startswith(USERS) for one in server.asked) == 2


async def test_a_user_that_cannot_be_read_may_be_anybodys() -> None:
    server = one_user()
    server.user("S2", last_name={"odd": 1})
    async with driving(server) as driver:
        found = await driver.usage_of_customers(["C1", "C2"])
    assert (found["C1"].total, found["C1"].unread, amounts(found)) == (None, 1, [0])
    assert isinstance(found["C2"], Garbled)


async def test_trap_a_session_whose_device_died_stays_open_and_counts_until_its_last_update() -> None:
    server = one_user()
    server.session("S1", at(20, month=10), hours=24, gigabytes=9, stop_time=None)
    assert await used(server) == [0]
    # Accounting-On closes it, weeks later: nothing was counted since.
    server.sessions[0]["stop_time"] = written(at(5))
    assert await used(server) == [0]


async def test_trap_a_session_that_touches_the_period_counts_whole_and_its_time_in_part() -> None:
    server = one_user()
    server.session("S1", at(31, 22, month=10), hours=4, gigabytes=3)
    server.session("S1", at(12, 12), hours=96, gigabytes=9.6, stop_time=None)
    assert await used(server, plans=FULL) == [Decimal("12.6"), Decimal("9.6"), 12 * 3600]
    # By time: 2 of 4 hours are November's, and 12 of 96 today's.
    assert await used(server, plans=FULL, straddling="by_time") == [Decimal("11.1"), Decimal("1.2"), 12 * 3600]


async def test_a_session_ends_with_the_cycle_at_midnight_and_one_after_it_is_the_next_ones() -> None:
    server = one_user()
    server.session("S1", at(31, 23, month=10), hours=1, gigabytes=3)  # until midnight: October's
    server.session("S1", at(31, 22, month=10), hours=2, gigabytes=2, stop_time=None)  # the same, and has not ended
    server.session("S1", at(1), gigabytes=4)
    server.session("S1", at(1, month=12), gigabytes=5)  # by a clock that is ahead of ours
    assert await used(server) == [4]
    assert await used(server, timezone="Europe/Prague") == [9]


async def test_trap_totals_may_shrink_and_an_update_after_the_stop_opens_a_session_again() -> None:
    server = one_user()
    row = server.session("S1", at(3), gigabytes=5)
    assert await used(server) == [5]
    row |= {"stop_time": None, "input_octets": 10, "output_octets": 0}
    assert await used(server) == [Decimal("0.00000001")]


async def test_trap_more_than_the_limit_is_told_as_it_is() -> None:
    server = one_user()
    server.session("S1", at(3), gigabytes=110)
    async with driving(server, plans=PLANS) as driver:
        (one,) = (await driver.usage_of_customers(["C1"]))["C1"].items
    assert (one.used, one.remaining, one.allowance) == (110, -10, 100)


async def test_trap_no_limit_is_not_nothing_used() -> None:
    server = one_user()
    server.session("S1", at(3), gigabytes=800, groupname="live-fib-1g")
    async with driving(server, plans={**PLANS, "live-fib-1g": [{}]}) as driver:
        assert driver.unsupported == {}
        (one,) = (await driver.usage_of_customers(["C1"]))["C1"].items
    assert (one.used, one.remaining, one.allowance, one.resets_at) == (800, None, None, at(1, month=12))


async def test_trap_limits_are_told_to_users_only_so_that_without_plans_nothing_is_left() -> None:
    server = one_user()
    server.session("S1", at(3))
    async with driving(server) as driver:
        assert list(driver.unsupported) == ["UsageAllowance.remaining"]
        (one,) = (await driver.usage_of_customers(["C1"]))["C1"].items
    assert (one.used, one.remaining) == (1, None)


async def test_trap_a_session_of_no_group_has_no_plan_and_the_newest_that_has_one_says_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = one_user()
    server.session("S1", at(3), groupname="old")
    server.session("S1", at(4))
    server.session("S1", at(5), groupname=None)
    async with driving(server, plans=PLANS) as driver:
        (one,) = (await driver.usage_of_customers(["C1"]))["C1"].items
        assert (one.used, one.remaining) == (3, 97)
        server.session("S1", at(6), groupname="new")
        (one,) = (await driver.usage_of_customers(["C1"]))["C1"].items
        assert (one.used, one.remaining) == (4, None)
    assert "plan 'new', which the option plans does not name" in caplog.text


async def test_trap_suspended_services_are_inactive_users_who_have_used_what_they_have() -> None:
    server = Openwisp()
    server.user("S1", is_active=False)
    server.session("S1", at(3), gigabytes=2)
    assert await used(server) == [2]


async def test_one_user_that_fails_fails_its_customer_only() -> None:
    server = one_user()
    server.user("S2", "C2")
    server.session("S1", at(3))
    for day in range(1, 12):
        server.session("S2", at(day))
    async with driving(server, page_size=5, settings={"max_rows": 8}) as driver:
        found = await driver.usage_of_customers(["C1", "C2"])
    assert amounts(found) == [1]
    assert isinstance(found["C2"], TooMuch)


async def test_trap_a_wrong_address_is_404_too_and_not_the_end_of_a_list() -> None:
    server = one_user()
    for path, drops in (("/api/v1", set[str]()), ("", {"lists"})):  # a page, and JSON
        server.drops = drops
        async with driving(server, path=path) as driver:
            with pytest.raises(Rejected, match="without /api/v1"):
                await driver.probe()
            with pytest.raises(Rejected, match="without /api/v1"):
                await driver.usage_of_customers(["C1"])


@pytest.mark.parametrize(
    ("now", "day", "zone", "start", "end"),
    [
        ("2026-11-16T12:00Z", 1, "UTC", "2026-11-01T00:00+00:00", "2026-12-01T00:00+00:00"),
        ("2026-11-16T12:00Z", 16, "UTC", "2026-11-16T00:00+00:00", "2026-12-16T00:00+00:00"),
        ("2026-11-16T12:00Z", 17, "UTC", "2026-10-17T00:00+00:00", "2026-11-17T00:00+00:00"),
        ("2026-02-28T12:00Z", 31, "UTC", "2026-02-28T00:00+00:00", "2026-03-31T00:00+00:00"),
        ("2026-02-27T12:00Z", 31, "UTC", "2026-01-31T00:00+00:00", "2026-02-28T00:00+00:00"),
        ("2026-01-05T12:00Z", 10, "UTC", "2025-12-10T00:00+00:00", "2026-01-10T00:00+00:00"),
        ("2026-12-31T23:30Z", 1, "Europe/Prague", "2027-01-01T00:00+01:00", "2027-02-01T00:00+01:00"),
        ("2026-03-15T12:00Z", 1, "Europe/Prague", "2026-03-01T00:00+01:00", "2026-04-01T00:00+02:00"),
    ],
)
def test_trap_the_cycle_is_not_told_and_follows_day_and_time_zone(
    now: str, day: int, zone: str, start: str, end: str
) -> None:
    found = cycle_at(datetime.fromisoformat(now), day, time_zone(zone))
    assert (found.start.isoformat(timespec="minutes"), found.end.isoformat(timespec="minutes")) == (start, end)


def test_a_day_has_23_hours_where_the_clocks_change() -> None:
    day = day_at(datetime(2026, 3, 29, 12, tzinfo=UTC), time_zone("Europe/Prague"))
    assert day.end.astimezone(UTC) - day.start.astimezone(UTC) == timedelta(hours=23)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"plans": {"p": [{"limit": 1}, {"limit": 2}]}}, "two allowances of the same thing"),
        ({"plans": {"p": [{"limit": 0}]}}, "greater than 0"),
        ({"cycle_day": 32}, "less than or equal to 31"),
        ({"customer": "notes"}, "last_name"),
    ],
)
def test_wrong_options_are_named(options: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        OpenwispOptions.model_validate(options)


async def test_a_session_that_comes_twice_was_used_once() -> None:
    server = one_user()
    server.session("S1", at(3), gigabytes=5)
    server.sessions.append(server.sessions[0])
    assert await used(server) == [5]


@pytest.mark.parametrize(
    "odd",
    [
        {"input_octets": 10**9 * 1.0, "output_octets": "4000000000", "session_time": 3600.0},
        {"start_time": 1793664000, "stop_time": "1793667600000"},
        {"stop_time": "0000-00-00 00:00:00"},
        {"stop_time": ""},
    ],
    ids=str,
)
async def test_a_session_that_is_written_otherwise_counts(odd: dict[str, Any]) -> None:
    """MySQL says 0000-00-00 for a session that has not ended."""
    server = one_user()
    server.session("S1", at(3), gigabytes=5, input_octets=10**9)
    server.sessions[0] |= {"output_octets": 4 * 10**9} | odd
    assert await used(server) == [5]


@pytest.mark.parametrize("count", ["1", 1.0, None, "many", [1], 10**40, -1], ids=str)
async def test_a_number_of_users_that_is_none_costs_nobody(count: Any) -> None:
    server = one_user()
    server.session("S1", at(3))
    server.counted = count
    assert await used(server) == [1]


async def test_a_customer_number_with_blanks_is_that_number_and_an_attribute_that_nobody_has_is_told() -> None:
    server = one_user()
    server.session("S1", at(3))
    server.users[0]["last_name"] = " C1 "
    assert await used(server) == [1]
    server.users[0]["last_name"] = ""
    async with driving(server) as driver:
        assert await driver.usage_of_customers(["C1"]) == {}
    assert any("none with a last_name: set the option customer" in one for one in driver.http.health.notices)
