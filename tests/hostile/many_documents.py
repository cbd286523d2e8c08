"""512 documents in 16 variants each (`@include`), and as many persisted queries: memory, and what others use."""

import asyncio
import hashlib
from typing import Any, Final

from tests.hostile.asking import Asked, Asking, asking
from tests.hostile.measuring import Attack, Target

_FIELDS: Final = ("name", "status", "email", "familyName")
_VARIABLES: Final = ", ".join(f"$v{number}: Boolean!" for number in range(4))
_SELECTED: Final = " ".join(f"{name} @include(if: $v{number})" for number, name in enumerate(_FIELDS))
_OTHERS: Final = "{ me { id name services { nodes { id } } accounts { id } } }"


async def _run(target: Target) -> str:
    asked, others = Asked(), Asked()
    kept = _persisted(_OTHERS)
    async with asking(target) as ask:
        for _ in range(2):
            await ask(others, target.token("1002"), _OTHERS, **kept)
        stored = 0
        for number in range(512 if target.scale == 1 else 4):
            token = target.token(str(1010 + number % 20))
            document = f'query Q{number}({_VARIABLES}) {{ me {{ id {_SELECTED} }} n: node(id: "Customer:1") {{ id }} }}'
            given = [{f"v{place}": bool(variant >> place & 1) for place in range(4)} for variant in range(16)]
            await asyncio.gather(*(ask(asked, token, document, one, **_persisted(document)) for one in given))
            stored += await _is_stored(ask, token, document)
        await ask(others, target.token("1002"), None, **kept)
    assert set(others.codes) == {"OK"}, others
    assert set(asked.codes) == {"OK"}, asked
    return f"{asked}; {stored} persisted queries stored; what another had persisted is there"


async def _is_stored(ask: Asking, token: str, document: str) -> bool:
    found = Asked()
    given = {f"v{place}": False for place in range(4)}
    await ask(found, token, None, given, **_persisted(document))
    return found.codes["OK"] == 1


def _persisted(document: str) -> dict[str, Any]:
    digest = hashlib.sha256(document.encode()).hexdigest()
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest}}}


ATTACK: Final = Attack("many documents", _run)
