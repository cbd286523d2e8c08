"""Who may write is what `[writes]` says: nobody by default, then kinds of callers and roles; never without a name."""

import time
from pathlib import Path
from typing import Any

import jwt
import pytest

from gateway.commands.demo_keys import RULES
from gateway.writes_settings import WritesSettings
from tests.stack import Answer, Stack, stacked

NOTE = "mutation ($input: AddTicketNoteInput!) { addTicketNote(input: $input) { userErrors { code path } } }"
EMPTY = {"idempotencyKey": "who-may-write", "ticketId": "Ticket:TT-1001-1", "text": ""}
"""What is refused for its empty text, by whom it may be written at all."""


def token(stack: Stack, kind: str, *roles: str, subject: str | None = "ann") -> str:
    now = int(time.time())
    claims: dict[str, Any] = {"iss": RULES.issuer, "aud": RULES.audience, "exp": now + 600, "kind": kind}
    claims |= {"customer_ids": ["1001"] if kind == "customer" else [], "roles": list(roles)}
    claims |= {} if subject is None else {"sub": subject}
    return jwt.encode(claims, stack.keys.private, algorithm="ES256", headers={"kid": stack.keys.key_id})


async def answer(stack: Stack, signed: str | None) -> Answer:
    headers = {"Authorization": f"Bearer {signed}"} if signed else {}
    body = {"query": NOTE, "variables": {"input": EMPTY}}
    async with stack.session.post(f"{stack.address}/graphql", json=body, headers=headers) as got:
        return Answer(got.status, await got.json())


async def may(stack: Stack, signed: str) -> bool:
    """Whether the caller gets as far as the input."""
    found = await answer(stack, signed)
    if found.errors:
        assert [error["extensions"]["code"] for error in found.errors] == ["FORBIDDEN"]
        assert found.body["data"] == {"addTicketNote": None}
        return False
    assert found.data == {"addTicketNote": {"userErrors": [{"code": "REQUIRED", "path": ["text"]}]}}
    return True


async def test_nobody_writes_by_default(stack: Stack) -> None:
    for kind in ("customer", "agent", "admin"):
        assert not await may(stack, token(stack, kind))


@pytest.mark.parametrize(
    ("allow", "allowed"),
    [
        ({}, {"customer", "agent", "admin", "agent with role"}),
        ({"payBill": ()}, {"customer", "agent", "admin", "agent with role"}),
        ({"addTicketNote": ("customer",)}, {"customer"}),
        ({"addTicketNote": ("agent",)}, {"agent", "agent with role"}),
        ({"addTicketNote": ("role:desk",)}, {"agent with role"}),
        ({"addTicketNote": ("role:desk", "customer")}, {"customer", "agent with role"}),
        ({"addTicketNote": ()}, set()),
    ],
)
async def test_who_is_allowed_writes(tmp_path: Path, allow: dict[str, tuple[str, ...]], allowed: set[str]) -> None:
    rules = WritesSettings.model_validate({"enabled": True, "in_process": True, "allow": allow})
    async with stacked(tmp_path, customers=4, writes=rules) as stack:
        callers = {
            "customer": token(stack, "customer"),
            "agent": token(stack, "agent", "agent"),  # a role that is called as a kind is none
            "admin": token(stack, "admin"),
            "agent with role": token(stack, "agent", "sales", "desk"),
        }
        assert {name for name, signed in callers.items() if await may(stack, signed)} == allowed
        assert not await may(stack, token(stack, "agent", "desk", subject=None))
        assert not await may(stack, token(stack, "customer", subject=""))
        assert (await answer(stack, None)).status == 401
        asked = [one for system in stack.systems.values() for one in system.requests]
        assert asked == []
