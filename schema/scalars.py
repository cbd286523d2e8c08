"""Types that all domains share: money, periods, documents, and Relay's paging."""

from datetime import date, datetime
from decimal import Decimal
from typing import Generic, TypeVar

import strawberry

from schema.caching import inherited
from schema.fields import NOT_A_NODE, computed
from schema.guards import Scopes, requires
from schema.leaves import CurrencyCode
from schema.nullability import NULL_IS_AN_ERROR

T = TypeVar("T")


@strawberry.type(description="An amount of money.")
class Money:
    """Declares `connectors.records.Money`."""

    amount: Decimal = strawberry.field(description='The amount, such as "-12.50".')
    currency: CurrencyCode = strawberry.field(description="The currency, such as EUR.")


@strawberry.type(description="A period of days.")
class Period:
    """Declares `connectors.records.Period`."""

    start: date | None = strawberry.field(
        description="First day of the period. Null if the beginning is open or unknown."
    )
    end: date | None = strawberry.field(
        description="Last day of the period, as the system gives it. Null if the end is open or unknown."
    )


@strawberry.type(
    description="An address that opens a file without a token, for a short time. Whoever has it can open the file, with"
    " the rights of the caller who asked for it: do not store it, and do not pass it on."
)
class SignedUrl:
    """Declares `resolvers.documents.SignedAddress`."""

    url: str = strawberry.field(description="The address. It ends with the caller's token, if not before.")
    expires_at: datetime = strawberry.field(description="When the address ends.")


@strawberry.type(description="A file, such as a bill's PDF or a ticket's attachment.")
class Document:
    """Declares `resolvers.documents.OwnedDocument`."""

    id: strawberry.ID = computed(
        lambda document: document.key,
        needs=(),
        description=f"Key of the file among all, such as Bill:77/1. {NOT_A_NODE}",
    )
    name: str | None = strawberry.field(
        description="File name or title. Null if it has none.", directives=[requires(Scopes.DOCUMENTS)]
    )
    mime_type: str | None = strawberry.field(description="Media type, such as application/pdf. Null if unknown.")
    size: int | None = strawberry.field(
        description="Size in bytes. Null if the system does not tell it; the file itself always tells where it can."
    )
    url: str | None = computed(
        lambda document, addresses: addresses.url(document),
        needs=(),
        description="Address of the file on this gateway, such as https://portal.example/api/documents/Bill:77/1; a"
        " path if the gateway was not told where clients reach it. Get it with the same bearer token as this query.",
        directives=[NULL_IS_AN_ERROR, requires(Scopes.DOCUMENTS)],
    )
    signed_url: SignedUrl | None = computed(
        lambda document, addresses, viewer: addresses.signed(document, viewer),
        needs=(),
        description="Address that opens the file without a token, for the href of a link or the src of a frame: ask for"
        " it when somebody wants to open the file. Null with the error NOT_SUPPORTED if the gateway signs none.",
        directives=[NULL_IS_AN_ERROR, requires(Scopes.DOCUMENTS)],
    )


@strawberry.type(description="Position of a page in its list (Relay).")
class PageInfo:
    """Declares `resolvers.paging.PageInfo`."""

    has_next_page: bool = strawberry.field(description="Whether the list has more rows after this page.")
    has_previous_page: bool = strawberry.field(description="Whether the list has rows before this page.")
    start_cursor: str | None = strawberry.field(
        description="Cursor of the page's first row, to be given as `before` for the page before it. Null if"
        " the page is empty."
    )
    end_cursor: str | None = strawberry.field(
        description="Cursor of the page's last row, to be given as `after` for the next page. Null if the"
        " page is empty."
    )


@strawberry.type(name="Edge", description="A row of a list, with its cursor (Relay).")
class PageEdge(Generic[T]):
    """Declares `resolvers.paging.PageEdge`."""

    cursor: str = strawberry.field(description="Cursor of the row, to be given as `after` or `before`.")
    node: T = strawberry.field(description="The row.", directives=[inherited])


@strawberry.type(description="A page of a list (a Relay connection).")
class Connection(Generic[T]):
    """Declares `resolvers.paging.Page`."""

    edges: list[PageEdge[T]] = strawberry.field(
        description="Rows of the page, each with its cursor.", directives=[inherited]
    )
    nodes: list[T] = strawberry.field(description="Rows of the page, without cursors.", directives=[inherited])
    page_info: PageInfo = strawberry.field(description="Position of the page in the list.", directives=[inherited])
    total_count: int | None = strawberry.field(
        description="Number of rows in the whole list that the caller may see. Null if the system cannot tell."
    )


def number(value: Decimal | None) -> float | None:
    """A quantity of usage as a JSON number. Money is never a float."""
    return None if value is None else float(value)
