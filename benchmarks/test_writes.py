"""What `benchmarks.writes` compares does the same: as many calls, and answers of one shape."""

import sys

import pytest

from benchmarks.writes import FLOOR, GATEWAY, MUTATIONS, contesting, shown, turns


@pytest.mark.skipif(sys.platform != "linux", reason="CPU time of other processes is read in Linux's way")
@pytest.mark.long
async def test_by_hand_and_through_the_gateway_the_same_is_written() -> None:
    async with contesting(20) as (contestants, people):
        calls = {name: await contestants.agree(name, people[0]) for name in MUTATIONS}
        taken = await turns(contestants, people[1:], 2)

    assert [*calls] == [*taken] == [*MUTATIONS]
    assert all(one[GATEWAY] > 0 < one[FLOOR] for rounds in taken.values() for one in rounds)
    assert shown(taken, calls).row_count == len(MUTATIONS)
