"""The time that 95 % of an operation's answers stay below."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.http.policy.hedge import AGAIN, LAST, LEAST, Usual


@given(st.lists(st.floats(0, 100), max_size=400))
def test_it_is_the_95th_percentile_of_the_last_answers(seconds: list[float]) -> None:
    usual = Usual()
    for one in seconds:
        usual.answered(one)
    told = len(seconds) // AGAIN * AGAIN
    if told < LEAST:
        assert usual.p95 is None
    else:
        last = sorted(seconds[max(0, told - LAST) : told])
        assert usual.p95 is not None
        assert sum(one <= usual.p95 for one in last) >= 0.95 * len(last)
        assert sum(one < usual.p95 for one in last) <= 0.95 * len(last)
