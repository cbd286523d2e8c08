"""What is somebody else's and what does not exist, by every field with an id: how far apart the times are."""

from collections.abc import Mapping
from statistics import median
from typing import Final

from tests.hostile.asking import Asked, Asking, asking
from tests.hostile.measuring import Attack, Target

_OWN: Final = (
    "{ me { id accounts { id bills(first: 1) { nodes { id } } payments(first: 1) { nodes { id } } }"
    " products(first: 1) { nodes { id } } tickets(first: 1) { nodes { id } }"
    " services(first: 1) { nodes { id site { id } resources { id } } } } }"
)
_VICTIM: Final = "1002"
_NOBODY: Final = "9902"
_SAMPLES: Final = 50
_CALL: Final = 0.25
"""The part of a question's time that the least call more would take at least."""


async def _run(target: Target) -> str:
    apart = {}
    async with asking(target) as ask:
        ids = await _ids(target, ask)
        for place, (field, key) in enumerate(ids.items()):
            token = target.token(str(1010 + place))  # one caller's burst is not enough for all fields
            document = f"query ($id: ID!) {{ {field}(id: $id) {{ id }} node(id: $id) {{ id }} }}"
            pairs: list[tuple[float, float]] = []
            for number in range(target.scaled(_SAMPLES)):
                asked = [key, key.replace(_VICTIM, _NOBODY)]
                times = {}
                for one in asked if number % 2 else reversed(asked):
                    times[one] = await _time(ask, token, document, one)
                pairs.append((times[asked[0]], times[asked[1]]))
            usual = median(time for pair in pairs for time in pair)
            apart[field] = median(foreign - nobodys for foreign, nobodys in pairs), usual
    field = max(apart, key=lambda one: abs(apart[one][0]))
    difference, usual = apart[field]
    if target.scale == 1:
        assert abs(difference) < _CALL * usual, apart
    return (
        f"{len(apart)} fields, {len(pairs)} pairs each: medians {1000 * abs(difference):.2f} ms apart at most ({field},"
        f" which takes {1000 * usual:.1f} ms)"
    )


async def _time(ask: Asking, token: str, document: str, key: str) -> float:
    asked = Asked()
    answer = await ask(asked, token, document, {"id": key})
    assert not any(answer["data"].values()), answer
    return asked.longest


async def _ids(target: Target, ask: Asking) -> Mapping[str, str]:
    """Ids of the victim's, by field."""
    found = (await ask(Asked(), target.token(_VICTIM), _OWN))["data"]["me"]
    account, service = found["accounts"][0], found["services"]["nodes"][0]
    return {
        "customer": found["id"],
        "account": account["id"],
        "bill": account["bills"]["nodes"][0]["id"],
        "payment": account["payments"]["nodes"][0]["id"],
        "product": found["products"]["nodes"][0]["id"],
        "ticket": found["tickets"]["nodes"][0]["id"],
        "service": service["id"],
        "site": service["site"]["id"],
        "resource": service["resources"][0]["id"],
    }


ATTACK: Final = Attack("ids of others", _run)
