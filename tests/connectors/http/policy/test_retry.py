"""Repetitions: which, when, and never more than their budget."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import (
    Busy,
    Cancelled,
    ConnectorError,
    Failed,
    Garbled,
    NotSupported,
    RateLimited,
    Refused,
    Rejected,
    TimedOut,
    TooMuch,
    Unreachable,
)
from connectors.http.policy import retry
from connectors.http.policy.budget import Budget
from connectors.http.policy.outcome import Outcome, outcome_of
from connectors.http.request import Request

READ, WRITE = Request.get("/bills"), Request.write("POST", "/bills", b"{}")
AMBIGUOUS = Request.get("/bills", ambiguous={500, 503})


def said(failure: ConnectorError, **attributes: Any) -> ConnectorError:
    for name, value in attributes.items():
        setattr(failure, name, value)
    return failure


BROKE, ANSWERED, UNKNOWN = Outcome.BROKE, Outcome.ANSWERED, Outcome.UNKNOWN

KNOWN: list[tuple[BaseException, Outcome, bool]] = [
    (Unreachable("crm", "reset"), BROKE, True),
    (Unreachable("crm", "no connection", nothing_sent=True), BROKE, False),
    (Unreachable("crm", "no token", signing_in=True), BROKE, False),
    (said(Unreachable("crm", "left in peace", nothing_sent=True), was_asked=False), BROKE, False),
    (TimedOut("crm", "3 s"), BROKE, False),
    (TimedOut("crm", "the caller's deadline", cut_short=True), UNKNOWN, False),
    (Failed("crm", "500", status=500), BROKE, False),
    (Failed("crm", "501", status=501), BROKE, False),
    (Failed("crm", "502", status=502), BROKE, True),
    (Failed("crm", "503", status=503), BROKE, True),
    (Failed("crm", "504", status=504), BROKE, True),
    (RateLimited("crm", "429", status=429), BROKE, False),
    (said(RateLimited("crm", "429", status=429), retry_after=1.0), BROKE, True),
    (said(RateLimited("crm", "not sent", status=429), retry_after=1.0, was_asked=False), BROKE, False),
    (Garbled("crm", "<<<"), BROKE, False),
    (Rejected("crm", "408", status=408), BROKE, False),
    (Rejected("crm", "400", status=400), ANSWERED, False),
    (Rejected("crm", "404", status=404), ANSWERED, False),
    (Rejected("crm", "302", status=302), ANSWERED, False),
    (Refused("crm", "401", status=401), ANSWERED, False),
    (Refused("crm", "403", status=403), ANSWERED, False),
    (Refused("crm", "the token endpoint", signing_in=True), UNKNOWN, False),
    (TooMuch("crm", "rows"), ANSWERED, False),
    (NotSupported("crm", "this"), ANSWERED, False),
    (Busy("crm", "no place"), UNKNOWN, False),
    (Cancelled("crm", "gone"), ANSWERED, False),
    (KeyError("a fault of ours"), UNKNOWN, False),
]


@pytest.mark.parametrize(("failure", "outcome", "helps"), KNOWN, ids=lambda one: str(one))
def test_what_a_failure_says_and_whether_the_read_is_repeated(
    failure: BaseException, outcome: Outcome, helps: bool
) -> None:
    assert outcome_of(failure, READ) is outcome
    if isinstance(failure, ConnectorError):
        assert retry.may_help(failure, READ) is helps
        assert not retry.may_help(failure, WRITE), "a write must never be repeated"


def test_a_server_error_that_may_be_a_mistake_of_ours_says_nothing() -> None:
    for status in (500, 503):
        assert outcome_of(Failed("billing", "", status=status), AMBIGUOUS) is UNKNOWN
    assert not retry.may_help(Failed("billing", "", status=503), AMBIGUOUS)
    assert outcome_of(Failed("billing", "", status=502), AMBIGUOUS) is BROKE


@given(share=st.floats(0, 0.1), reserve=st.integers(1, 32), spends=st.lists(st.integers(0, 50), max_size=300))
def test_a_budget_is_never_exceeded(share: float, reserve: int, spends: list[int]) -> None:
    """`spends`: how many calls were made before each attempt to spend."""
    budget, calls, spent = Budget(share, reserve), 0, 0
    for more in spends:
        calls += more
        spent += budget.spend(calls)
        assert spent <= reserve + share * calls + 1e-6
    if share == 0:
        assert spent == 0


def test_a_budget_is_used_where_it_is_needed() -> None:
    budget = Budget(0.03, 4)
    assert [budget.spend(1) for _ in range(6)] == [True] * 4 + [False] * 2
    assert [budget.spend(calls) for calls in (30, 34, 36, 70, 71)] == [False, False, True, True, False]
    assert [budget.spend(1_000_000) for _ in range(6)] == [True] * 4 + [False] * 2, "what was saved is bounded"


@given(number=st.integers(0, 5), backoff=st.floats(0, 10), wish=st.none() | st.floats(0, 100), chance=st.floats(0, 1))
def test_a_pause_is_anything_up_to_twice_the_last_and_never_shorter_than_the_wish(
    number: int, backoff: float, wish: float | None, chance: float
) -> None:
    seconds = retry.pause(number, backoff, wish, lambda: chance)
    assert (wish or 0.0) <= seconds <= (wish or 0.0) + backoff * 2**number + 1e-9


NOW = datetime(2026, 11, 29, 18, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("9" * 400, 999_999_999.0),
        ("Sun, 29 Nov 2026 18:00:30 GMT", 30.0),
        ("Sunday, 29-Nov-26 18:00:30 GMT", 30.0),
        ("Sun Nov 29 18:00:30 2026", 30.0),
        ("Sun, 29 Nov 2026 17:00:00 GMT", 0.0),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("\u0663", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_as_rfc_9110_has_it(text: str | None, seconds: float | None) -> None:
    assert retry.seconds_until(text, NOW) == seconds
