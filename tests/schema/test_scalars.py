"""Scalars as clients write them and get them."""

from tests.stack import Stack


async def test_dates_without_a_zone_are_utc(stack: Stack) -> None:
    document = "query($since: DateTime) { me { bills(since: $since) { totalCount } } }"
    with_zone = (await stack.ask(document, "1001", since="2026-09-01T00:00:00Z")).clean()
    bare = (await stack.ask(document, "1001", since="2026-09-01T00:00:00")).clean()

    assert with_zone == bare
    assert bare["me"]["bills"]["totalCount"] == 6
