"""Amounts as clients write them: what is taken, what is the caller's mistake, and what is no decimal at all."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from gateway.settings import WritesSettings
from tests.stack import Answer, Stack, stacked

PAY = """mutation($input: PayBillInput!) {
  payBill(input: $input) { payment { amount { amount currency } } userErrors { code path } }
}"""
OPEN = "Bill:BILL-1001-1-07"


@pytest_asyncio.fixture(scope="module")
async def writing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    writes = WritesSettings(enabled=True, in_process=True)
    async with stacked(tmp_path_factory.mktemp("money"), customers=2, writes=writes) as running:
        yield running


async def pay(stack: Stack, amount: Any, currency: Any = "EUR") -> Answer:
    money = {"amount": amount, "currency": currency}
    given = {"idempotencyKey": f"{amount!r} {currency!r}", "billId": OPEN, "amount": money, "paymentMethodToken": "t"}
    return await stack.ask(PAY, "1001", input=given)


@pytest.mark.parametrize(
    ("amount", "paid"), [("0.25", "0.25"), ("+1", "1"), (2, "2"), ("2.50", "2.50"), ("1E-2", "0.01"), ("1e1", "10")]
)
async def test_a_text_or_a_whole_number_is_an_amount_and_no_answer_has_an_exponent(
    writing: Stack, amount: Any, paid: str
) -> None:
    found = (await pay(writing, amount)).clean()["payBill"]
    assert found["userErrors"] == []
    assert float(found["payment"]["amount"]["amount"]) == float(paid)
    assert "E" not in found["payment"]["amount"]["amount"]
    assert found["payment"]["amount"]["currency"] == "EUR"


@pytest.mark.parametrize(
    ("amount", "currency", "place"),
    [
        *((one, "EUR", "amount") for one in ("NaN", "-NaN", "Infinity", "-Infinity", "0", "-1", "1E19", "1E-19")),
        *((one, "EUR", "amount") for one in ("1E999999999", "1E-999999999", "1e99999999999999999999", "1" * 19)),
        *(("1.00", one, "currency") for one in ("euro", "eur", "EU", "", "ÄÖÜ")),
    ],
)
async def test_what_is_no_amount_of_money_is_a_mistake_with_its_place(
    writing: Stack, amount: str, currency: str, place: str
) -> None:
    found = (await pay(writing, amount, currency)).clean()["payBill"]
    assert found == {"payment": None, "userErrors": [{"code": "INVALID", "path": ["amount", place]}]}


@pytest.mark.parametrize("amount", ["abc", "", " 1 ", "1,50", "1_000", "1.0.0", "0x10", "sNaN", "\u0661", True, 25.66])
async def test_what_is_no_decimal_is_refused_with_the_whole_request(writing: Stack, amount: Any) -> None:
    answer = await pay(writing, amount)
    (error,) = answer.errors
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert 'Decimal must be a string such as "25.66"' in error["message"]
    assert answer.calls == []


@pytest.mark.parametrize("currency", [978, True, ["EUR"]])
async def test_a_currency_is_a_text(writing: Stack, currency: Any) -> None:
    (error,) = (await pay(writing, "1.00", currency)).errors
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_a_decimal_in_the_document_is_held_to_the_same(writing: Stack) -> None:
    document = """mutation { payBill(input: {idempotencyKey: "literal", billId: "%s", paymentMethodToken: "t",
      amount: {amount: %s, currency: "EUR"}}) { userErrors { code path } } }"""

    (error,) = (await writing.ask(document % (OPEN, "25.66"), "1001")).errors
    assert error["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert 'Decimal must be a string such as "25.66", not 25.66' in error["message"]
    assert (await writing.ask(document % (OPEN, '"NaN"'), "1001")).clean()["payBill"]["userErrors"] == [
        {"code": "INVALID", "path": ["amount", "amount"]}
    ]
