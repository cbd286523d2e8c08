"""What clients read, what a calm gateway answered, and whether another answer is that, or what is left of it."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from tests.conftest import contract

READERS: Final = tuple(str(number) for number in range(1001, 1009))
"""Customers whose data nobody changes."""


class Wrong(AssertionError):
    """An answer that no client should ever get; the text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Question:
    """An operation of the contract, and who asks it. Of `weight` in all weights it is this one."""

    operation: str
    who: str
    variables: Mapping[str, Any] = field(compare=False)
    weight: float

    @property
    def body(self) -> bytes:
        """The request's."""
        return orjson.dumps({"query": contract(self.operation), "variables": dict(self.variables)})


QUESTIONS: Final = (
    *(Question("PortalHome", who, {}, 2.0) for who in READERS),
    *(Question("UsageGlance", who, {}, 1.0) for who in READERS),
    Question("BillDetail", "1001", {"id": "Bill:BILL-1001-1-05"}, 5.0),
    Question("TicketThread", "1001", {"id": "Ticket:TT-1001-1"}, 5.0),
    Question("AgentSearch", "agent", {"text": "1001"}, 3.0),
    Question("OpsDashboard", "agent", {"first": 10}, 3.0),
    Question("OutageImpact", "agent", {}, 3.0),
    Question("DeviceTrace", "agent", {"serial": "RTR0001001615"}, 3.0),
    Question("SystemStatus", "agent", {}, 2.0),
)
_VARIES: Final = {"SystemStatus"}
"""Operations whose answer is the gateway's own state."""


@dataclass(slots=True)
class Calm:
    """What was answered while all was well, by question."""

    whole: dict[Question, Any] = field(default_factory=dict)

    def missing(self, question: Question, status: int, body: Any, sick: Set[str]) -> int:
        """How many fields of sick systems are missing in an answer, 0 where it is whole.

        Raises `Wrong` if any value differs, if a field is missing of another system, or without an error that says so.
        """
        if status != 200:
            raise Wrong(f"{question.operation}: status {status}: {str(body)[:300]}")
        errors = body.get("errors", [])
        for error in errors:
            told = error.get("extensions", {})
            if told.get("system") not in sick or not str(told.get("code")).startswith("UPSTREAM_"):
                raise Wrong(f"{question.operation}: {error}, while {', '.join(sorted(sick)) or 'no system'} is sick")
        whole, data = self.whole[question], body.get("data")
        if not isinstance(data, dict):
            raise Wrong(f"{question.operation}: no data: {str(body)[:300]}")
        if question.operation in _VARIES:
            if data["viewer"] != whole["viewer"] or len(data["systems"]) != len(whole["systems"]):
                raise Wrong(f"{question.operation}: {data}")
            return 0
        incomplete = {tuple(one["path"]) for one in body.get("extensions", {}).get("incomplete", [])}
        lost = {path for path in lost_paths(whole, comparable(question, data, whole)) if path[:-1] not in incomplete}
        if question.operation == "AgentSearch":  # one kind of number was not looked up: what was found has no total
            lost.discard(("customers", "totalCount"))
        told_of = {path for error in errors if not _is_null(whole, path := tuple(error["path"]))}
        more = body.get("extensions", {}).get("moreErrors", 0)
        if not told_of <= lost or len(told_of) + more != len(lost):
            silent, loud = sorted(map(str, lost - told_of))[:5], sorted(map(str, told_of - lost))[:5]
            raise Wrong(
                f"{question.operation}: null without an error: {silent}, error without a null: {loud}: {errors}"
            )
        return len(lost) + len(incomplete) + (comparable_total(data) != comparable_total(whole))


def comparable_total(data: Any) -> Any:
    """The total of a search; None where there is none."""
    return (data.get("customers") or {}).get("totalCount")


def _is_null(data: Any, path: Sequence[Any]) -> bool:
    """Whether there is nothing at the path, or above it."""
    for step in path:
        if data is None:
            return True
        data = data[step]
    return data is None


def comparable(question: Question, data: Any, whole: Any) -> Any:
    """The data without outages that began since: subscribers are told of them, see `following`."""
    if question.operation != "OutageImpact" or not data.get("outages") or not whole:
        return data
    known = {one["id"] for one in whole["outages"]["nodes"]}
    return {"outages": {"nodes": [one for one in data["outages"]["nodes"] if one["id"] in known]}}


def lost_paths(whole: Any, part: Any, path: tuple[Any, ...] = ()) -> set[tuple[Any, ...]]:
    """Paths at which `part` is null and `whole` is not. Raises `Wrong` for any other difference."""
    if part is None and whole is not None:
        return {path}
    if isinstance(whole, dict) and isinstance(part, dict) and whole.keys() == part.keys():
        return {one for key in whole for one in lost_paths(whole[key], part[key], (*path, key))}
    if isinstance(whole, list) and isinstance(part, list) and len(whole) == len(part):
        both = zip(whole, part, strict=True)
        return {one for at, (calm, now) in enumerate(both) for one in lost_paths(calm, now, (*path, at))}
    if whole != part or isinstance(whole, dict | list):
        raise Wrong(f"{'.'.join(map(str, path))} is {str(part)[:200]}, and not {str(whole)[:200]}")
    return set()
