"""One id a thousand times with many lists of each, whose client hangs up after 50 ms."""

from typing import Final

from benchmarks.dearest import kept
from tests.hostile.asking import Asked, asking, hang_up
from tests.hostile.measuring import Attack, Target

_LISTS: Final = " ".join(f'b{number}: bills(since: "20{number:02d}-01-01") {{ totalCount }}' for number in range(94))
_DOCUMENTS: Final = (
    f"query ($same: [ID!]!) {{ nodes(ids: $same) {{ ... on Customer {{ {_LISTS} }} }} }}",
    kept()["same_id_and_bills"],
)
"""What stopped a worker for 105 seconds, and the most of it that is accepted now."""

_SAME: Final = {"same": ["Customer:1049"] * 1000}
_AFTER: Final = 0.05


async def _run(target: Target) -> str:
    asked, whole = Asked(), Asked()
    async with asking(target) as ask:
        for document in _DOCUMENTS:
            await ask(whole, target.agent, document, _SAME)
        for number in range(target.scaled(20)):
            for document in _DOCUMENTS:
                await hang_up(target, target.agent, document, _SAME, _AFTER)
                await ask(asked, target.token(str(1050 + number)), "{ me { id } }")
    assert set(whole.codes) == {"LIMIT_EXCEEDED", "OK"}, whole
    assert set(asked.codes) == {"OK"}, asked
    return f"waited for: {whole}; the next question after each hang-up: {asked.longest * 1000:.0f} ms at most"


ATTACK: Final = Attack("hang-ups", _run)
