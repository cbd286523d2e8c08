"""Scalars as clients write them and get them."""

from typing import Any

import pytest

from tests.stack import Stack


async def test_times_without_a_zone_are_utc(stack: Stack) -> None:
    document = "query($since: DateTime) { me { accounts { payments(since: $since) { totalCount } } } }"
    with_zone = (await stack.ask(document, "1001", since="2026-09-01T00:00:00Z")).clean()
    bare = (await stack.ask(document, "1001", since="2026-09-01T00:00:00")).clean()

    assert with_zone == bare
    assert [one["payments"]["totalCount"] for one in bare["me"]["accounts"]] == [2, 3]


async def test_a_span_of_days_has_its_first_day_and_not_its_last(stack: Stack) -> None:
    document = """query($since: Date, $until: Date) {
      me { bills(since: $since, until: $until, first: 100) { nodes { billDate } } }
    }"""

    async def days(**span: str) -> list[str]:
        found = (await stack.ask(document, "1001", **span)).clean()["me"]["bills"]["nodes"]
        return sorted({bill["billDate"] for bill in found})

    every = await days()
    assert (len(every), every[-1]) == (7, "2026-11-12")
    assert await days(since=every[2], until=every[4]) == every[2:4]
    assert await days(since=every[2]) == every[2:]
    assert await days(until=every[2]) == every[:2]


@pytest.mark.parametrize("wrong", ["2026-09-01T00:00:00Z", "20260901", "2026-W36-2", "2026-9-1", "soon", "", 20260901])
async def test_what_is_no_day_is_refused(stack: Stack, wrong: Any) -> None:
    answer = await stack.ask("query($since: Date) { me { bills(since: $since) { totalCount } } }", "1001", since=wrong)
    (error,) = answer.errors
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert 'Date must be a day such as "2026-11-22"' in error["message"]


async def test_scalars_say_what_specifies_them(stack: Stack) -> None:
    types = (await stack.ask("{ __schema { types { name specifiedByURL description } } }")).clean()["__schema"]["types"]
    ours = {one["name"]: one for one in types if one["specifiedByURL"]}
    assert set(ours) == {"Date", "DateTime", "Decimal", "CurrencyCode"}
    assert all(one["description"] for one in ours.values())


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("outages(since: {})", '"yesterday"'),
        ("outages(until: {})", "7"),
        ("me {{ bills(since: {}) {{ totalCount }} }} outages", '"2026-13-01"'),
        ("outages(first: {})", "3000000000"),
        ("customers(sort: {})", "NONE"),
    ],
)
async def test_an_error_about_a_value_in_the_document_says_where_it_is(stack: Stack, argument: str, wrong: str) -> None:
    document = "{\n  " + argument.format(wrong) + " { totalCount } }"
    errors = (await stack.ask(document)).errors
    place = {"line": 2, "column": 3 + argument.replace("{{", "{").index("{}")}
    assert [error["locations"] for error in errors if wrong.strip('"') in error["message"]] == [[place]]


async def test_the_same_for_values_within_values(stack: Stack) -> None:
    document = """mutation($since: Date = "soon") { payBill(input: {
      idempotencyKey: "literal", billId: "B", paymentMethodToken: "t", amount: {amount: 25.66, currency: 978}}) {
        userErrors { code } } }"""
    found = {}
    for error in (await stack.ask(document, "1001")).errors:
        (place,) = error["locations"]
        found[error["message"].split()[0]] = document.splitlines()[place["line"] - 1][place["column"] - 1 :][:5]
    assert found == {"Variable": "$sinc", "Date": '"soon', "Decimal": "25.66", "CurrencyCode": "978}}"}
