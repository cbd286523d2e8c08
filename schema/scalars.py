"""Values that types of all domains share: money, quantities, periods, documents, and Relay's paging."""

from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

import strawberry

from connectors import records
from schema.fields import computed

T = TypeVar("T")


def _plain(money: records.Money) -> str:
    """All digits. To write none as an exponent takes three times as long, and hardly any amount has one."""
    text = str(money.amount)
    return format(money.amount, "f") if "E" in text else text


@strawberry.type(description="An amount of money.")
class Money:
    """Declares `connectors.records.Money`."""

    amount: str = computed(_plain, needs=(), description='Exact decimal as a string, such as "-12.50".')
    currency: str = strawberry.field(description="ISO 4217 code, such as EUR.")


@strawberry.type(description="A span of time; an end that is null is open.")
class Period:
    """Declares `connectors.records.Period`."""

    start: datetime | None = strawberry.field(description="First moment.")
    end: datetime | None = strawberry.field(description="Last moment.")


@strawberry.type(description="A file, such as a bill's PDF or a ticket's attachment.")
class Document:
    """Declares `resolvers.documents.FiledDocument`."""

    name: str | None = strawberry.field(description="File name or title.")
    mime_type: str | None = strawberry.field(description="Media type, such as application/pdf.")
    url: str = strawberry.field(
        description="Where to get it: a path on this gateway, with the same bearer token as this query."
    )


@strawberry.type(description="Where a page stands in its list (Relay).")
class PageInfo:
    """Declares `resolvers.paging.PageInfo`."""

    has_next_page: bool = strawberry.field(description="Whether more follow.")
    has_previous_page: bool = strawberry.field(description="Whether some come before.")
    start_cursor: str | None = strawberry.field(description="Cursor of the page's first row; null when it is empty.")
    end_cursor: str | None = strawberry.field(description="Cursor of the page's last row: give it as `after`.")


@strawberry.type(name="Edge", description="A row with its cursor (Relay).")
class PageEdge(Generic[T]):
    """Declares `resolvers.paging.PageEdge`."""

    cursor: str = strawberry.field(description="Place of this row, for `after` and `before`.")
    node: T = strawberry.field(description="The row.")


@strawberry.type(description="A page of a list (Relay).")
class Connection(Generic[T]):
    """Declares `resolvers.paging.Page`."""

    edges: list[PageEdge[T]] = strawberry.field(description="Rows with their cursors.")
    nodes: list[T] = strawberry.field(description="The same rows without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in its list.")
    total_count: int | None = strawberry.field(
        description="How many rows the whole list has; null where the system cannot tell."
    )


def number(value: Decimal | None) -> float | None:
    """A quantity as a JSON number: usage is counted, not paid."""
    return None if value is None else float(value)
