"""A short form of `make chaos`, and that its checks see what is wrong."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from acceptance.repeating import key_of
from gateway.live_settings import LiveSettings
from gateway.writes_settings import WritesSettings
from tests.chaos.faults import KINDS, Fault, of, plan
from tests.chaos.reading import QUESTIONS, Calm, Wrong, lost_paths
from tests.chaos.report import failures
from tests.chaos.running import Chaos, run
from tests.chaos.writing import Write, wrong_effects
from tests.stack import Stack, stacked

HOME = next(one for one in QUESTIONS if one.operation == "PortalHome")
WHOLE = {"me": {"name": "Ivan", "email": None, "bills": [{"id": "1", "paid": "2.00"}]}}


class InProcess:
    """A gateway and systems in this process, which start in no time."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self.systems, self.session = stack, self, stack.session
        self.url = f"{stack.address}/graphql"
        self.token = stack.token
        self.urls = {name: one.url for name, one in stack.systems.items()}

    async def counts(self) -> dict[str, int]:
        return {name: len(one.requests) for name, one in self._stack.systems.items()}

    async def begin(self, fault: Fault) -> None:
        assert fault.system is not None
        self._stack.systems[fault.system].switches.merge(fault.switches)

    async def end(self, fault: Fault) -> float:
        assert fault.system is not None
        self._stack.systems[fault.system].switches.reset()
        return time.monotonic()


async def test_a_system_that_fails_under_load_costs_its_own_fields_and_no_effect(tmp_path: Path) -> None:
    """Answers are cut after the effect, so that each click finds out what it did."""
    writes = WritesSettings(enabled=True, in_process=True)
    live = LiveSettings.model_validate({"enabled": True, "sources": {"ticketing": {"poll": 0.2}}})
    systems = {"billing": {"policy": {"window": 5, "least_calls": 5, "open_for": 0.2, "open_longest": 0.2}}}
    async with (
        stacked(tmp_path, customers=60, writes=writes, live=live, systems=systems) as stack,
        Chaos(InProcess(stack), reads=20, writes=8, in_a_row=1) as chaos,  # one process that may be unwell
    ):
        ran = await run(chaos, [of("billing", "cut answers")], 1.0)
    _calm, sick = ran.effects
    assert [line for effect in ran.effects for line in failures(effect, timely=False)] == []
    assert sick.count("part") > 0
    assert sick.clicks > 0


def error(*path: Any, system: str = "billing") -> dict[str, Any]:
    return {"path": list(path), "extensions": {"code": "UPSTREAM_FAILED", "system": system}}


def missing(data: Any, *errors: Any, status: int = 200) -> int:
    return Calm({HOME: WHOLE}).missing(HOME, status, {"data": data, "errors": list(errors)}, {"billing"})


def test_an_answer_is_whole_or_says_what_is_missing() -> None:
    assert missing(WHOLE) == 0
    assert missing({"me": WHOLE["me"] | {"bills": None}}, error("me", "bills")) == 1
    assert missing(WHOLE, error("me", "email")) == 0, "a company has none, and it could not be asked for"


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        ({"me": WHOLE["me"] | {"name": "Eva"}}, []),
        ({"me": WHOLE["me"] | {"bills": []}}, []),
        ({"me": WHOLE["me"] | {"bills": [{"id": "1", "paid": "3.00"}]}}, []),
        ({"me": WHOLE["me"] | {"email": "eva@example.org"}}, []),
        ({"me": WHOLE["me"] | {"bills": None}}, []),
        (WHOLE, [error("me", "bills")]),
        ({"me": WHOLE["me"] | {"bills": None}}, [error("me", "bills", system="crm")]),
        ({"me": WHOLE["me"] | {"bills": None}}, [error("me", "bills") | {"extensions": {"code": "INTERNAL"}}]),
        (None, [error("me")]),
    ],
    ids=["value", "rows", "deep value", "value for null", "silent", "loud", "another system's", "internal", "nothing"],
)
def test_a_wrong_answer_is_seen(data: Any, errors: list[Any]) -> None:
    with pytest.raises(Wrong):
        missing(data, *errors)


def test_an_answer_without_a_status_of_success_is_wrong() -> None:
    with pytest.raises(Wrong):
        missing(WHOLE, status=500)
    with pytest.raises(Wrong):
        lost_paths({"a": 1}, {"b": 1})


def test_lost_doubled_and_unasked_effects_are_seen() -> None:
    def write(operation: str, key: str, **given: Any) -> Write:
        return Write(operation, "1001", {"idempotencyKey": key, **given}, 0.0, {}, 1.0)

    writes = [
        write("PayBill", "a"),
        write("AddTicketNote", "b", text="chaos b"),
        write("UpdateContact", "c", phone="1"),
        write("UpdateContact", "d", phone="2"),
    ]
    paid = str(key_of("1001", "payBill", "a"))
    good = {name: Counter[str]() for name in ("OpenTicket", "CloseTicket")}
    good |= {"PayBill": Counter([paid]), "AddTicketNote": Counter(["chaos b"]), "UpdateContact": Counter(["2"])}
    assert wrong_effects(writes, good) == []
    assert wrong_effects(writes, good | {"PayBill": Counter()}) == ["PayBill a: 0 effects"]
    assert wrong_effects(writes, good | {"AddTicketNote": Counter({"chaos b": 2})}) == ["AddTicketNote b: 2 effects"]
    assert wrong_effects(writes, good | {"UpdateContact": Counter(["1"])}) == ["UpdateContact d: 0 effects"]
    assert wrong_effects(writes, good | {"OpenTicket": Counter(["?"])}) == ["OpenTicket ?: nobody asked for it"]


def test_everything_goes_wrong_in_ten_minutes_and_each_way_in_two() -> None:
    assert len({one.name for one in plan(600)}) == 4 * len(KINDS) + 3
    short = plan(120)
    assert [one.kind for one in short[: len(KINDS)]] == list(KINDS)
    assert {one.system for one in short} == {"crm", "billing", "inventory", "ticketing", None}
