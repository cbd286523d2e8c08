"""Seven times a thousand ids that are none, the most that is accepted of thirty, whose errors were kept for ever."""

from typing import Final

from tests.hostile.asking import Asked, aliased, asking
from tests.hostile.measuring import Attack, Target

_DOCUMENT: Final = f"query ($wrong: [ID!]!) {{ {aliased(7, 'nodes(ids: $wrong) { id }')} }}"
_MOST: Final = 100


async def _run(target: Target) -> str:
    wrong, refused, asked, more = {"wrong": [f"None:{number}" for number in range(1000)]}, Asked(), Asked(), 0
    async with asking(target) as ask:
        for number in range(target.scaled(20)):
            await ask(refused, target.token(str(1030 + number)), _DOCUMENT, wrong)
            answer = await ask(asked, target.agent, _DOCUMENT, wrong)
            if "extensions" in answer:
                more = answer["extensions"]["moreErrors"]
                assert len(answer["errors"]) == _MOST, len(answer["errors"])
                assert more == 7_000 - _MOST, more
    assert set(refused.codes) == {"LIMIT_EXCEEDED"}, refused
    assert set(asked.codes) <= {"BAD_USER_INPUT", "RATE_LIMITED"}, asked
    assert more, asked
    return f"subscribers: {refused}; agents: {asked}, each with {_MOST} errors and {more:,} more counted"


ATTACK: Final = Attack("wrong ids", _run)
