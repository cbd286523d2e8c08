"""What clients write: one input, one payload, and the caller's mistakes beside it."""

from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import strawberry

from connectors.records import Money as MoneyRecord
from connectors.ticketing.port import TicketSeverity
from connectors.writes import UNCHANGED, Change
from resolvers.billing import BillById, PaymentById
from resolvers.crm import KnownCustomerById
from resolvers.ticketing import TicketById
from resolvers.writing import mutations
from schema.billing import Bill, Payment
from schema.crm import Customer
from schema.fields import Info, edge
from schema.leaves import CurrencyCode
from schema.nullability import NULL_IS_AN_ERROR
from schema.ticketing import Ticket

_KEY = (
    "Names this write. Make a new one for each thing the person does, and send the same one again when no answer came:"
    " it is done once."
)


_TICKET: Final = "The ticket after the write. Null if nothing was written."


def _key() -> Any:
    return strawberry.field(description=_KEY)


@strawberry.type(description="One mistake in an input. The person can do something about it.")
class UserError:
    """Declares `resolvers.writing.mutations.UserError`."""

    code: mutations.UserErrorCode = strawberry.field(description="What is wrong, for a program.")
    message: str = strawberry.field(description="What is wrong, for the person.")
    path: list[str] = strawberry.field(description='Where in the input it is, such as ["amount", "currency"].')


def _user_errors() -> Any:
    return strawberry.field(description="What is wrong with the input. Empty if the write was done.")


@strawberry.input(description="A ticket to be opened.")
class OpenTicketInput:
    """The input of `resolvers.writing.mutations.open_ticket`."""

    idempotency_key: str = _key()
    name: str = strawberry.field(description="What it is about, in one line of at most 200 characters.")
    description: str = strawberry.field(description="What it is about, in full: at most 10,000 characters.")
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="For whom it is. Agents must say it; a subscriber's own customer otherwise."
    )
    service_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="The customer's services that it is about: at most 100."
    )
    kind: str | None = strawberry.field(
        default=None, description="The sort of ticket, in the ticketing system's own word; its default otherwise."
    )
    severity: TicketSeverity | None = strawberry.field(
        default=None, description="How bad it is for the customer; the ticketing system's default otherwise."
    )


@strawberry.input(description="A note to be added to a ticket that is open.")
class AddTicketNoteInput:
    """The input of `resolvers.writing.mutations.add_note`."""

    idempotency_key: str = _key()
    ticket_id: strawberry.ID = strawberry.field(description="The ticket.")
    text: str = strawberry.field(description="What to write: at most 10,000 characters.")
    internal: bool | None = strawberry.field(
        default=None, description="True hides the note from subscribers. Only agents may say it."
    )


@strawberry.input(description="A ticket to be closed.")
class CloseTicketInput:
    """The input of `resolvers.writing.mutations.close_ticket`."""

    idempotency_key: str = _key()
    ticket_id: strawberry.ID = strawberry.field(description="The ticket.")
    reason: str | None = strawberry.field(default=None, description="Why, in the person's own words.")


@strawberry.input(description="A ticket that has ended, to be opened again.")
class ReopenTicketInput:
    """The input of `resolvers.writing.mutations.reopen_ticket`."""

    idempotency_key: str = _key()
    ticket_id: strawberry.ID = strawberry.field(description="The ticket.")
    reason: str | None = strawberry.field(default=None, description="Why, in the person's own words.")


@strawberry.input(description="A ticket to be given to a member of staff.")
class AssignTicketInput:
    """The input of `resolvers.writing.mutations.assign_ticket`."""

    idempotency_key: str = _key()
    ticket_id: strawberry.ID = strawberry.field(description="The ticket.")
    assignee: str = strawberry.field(description="Who shall work on it, as the ticketing system calls that person.")


@strawberry.input(description="An amount of money.")
class MoneyInput:
    """Becomes `connectors.records.Money`."""

    amount: Decimal = strawberry.field(
        description='The amount, such as "25.66". What is no amount of money, such as "NaN" or "1E99", is INVALID.'
    )
    currency: CurrencyCode = strawberry.field(
        description="The currency, such as EUR. What is not three capital letters is INVALID."
    )


@strawberry.input(description="A bill to be paid.")
class PayBillInput:
    """The input of `resolvers.writing.mutations.pay_bill`."""

    idempotency_key: str = _key()
    bill_id: strawberry.ID = strawberry.field(description="The bill.")
    amount: MoneyInput | None = strawberry.field(
        default=None, description="How much of it is paid; all that is open otherwise."
    )
    payment_method_token: str | None = strawberry.field(
        default=None, description="What the payment provider gave the page. Never the number of a card."
    )


@strawberry.input(description="How a customer is to be reached.")
class UpdateContactInput:
    """The input of `resolvers.writing.mutations.update_contact`."""

    idempotency_key: str = _key()
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="The customer. Agents must say it; a subscriber's own otherwise."
    )
    email: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="The new e-mail address. Left out it stays as it is; null removes it."
    )
    phone: strawberry.Maybe[str | None] = strawberry.field(
        default=None, description="The new phone number. Left out it stays as it is; null removes it."
    )


def _changed(given: Any) -> Change:
    return UNCHANGED if given is None else given.value


@strawberry.type(description="What came of opening a ticket.")
class OpenTicketPayload:
    """Declares `resolvers.writing.mutations.Answer`."""

    ticket: Ticket | None = edge(TicketById, "ticket_id", description="The ticket. Null if none was opened.")
    user_errors: list[UserError] = _user_errors()


@strawberry.type(description="What came of adding a note.")
class AddTicketNotePayload:
    """Declares `resolvers.writing.mutations.Answer`."""

    ticket: Ticket | None = edge(TicketById, "ticket_id", description=_TICKET)
    user_errors: list[UserError] = _user_errors()


@strawberry.type(description="What came of closing a ticket.")
class CloseTicketPayload:
    """Declares `resolvers.writing.mutations.Answer`."""

    ticket: Ticket | None = edge(TicketById, "ticket_id", description=_TICKET)
    user_errors: list[UserError] = _user_errors()


@strawberry.type(description="What came of opening a ticket again.")
class ReopenTicketPayload:
    """Declares `resolvers.writing.mutations.Answer`."""

    ticket: Ticket | None = edge(TicketById, "ticket_id", description=_TICKET)
    user_errors: list[UserError] = _user_errors()


@strawberry.type(description="What came of assigning a ticket.")
class AssignTicketPayload:
    """Declares `resolvers.writing.mutations.Answer`."""

    ticket: Ticket | None = edge(TicketById, "ticket_id", description=_TICKET)
    user_errors: list[UserError] = _user_errors()


@strawberry.type(description="What came of a payment.")
class PayBillPayload:
    """Declares `resolvers.writing.mutations.Answer`."""

    payment: Payment | None = edge(PaymentById, "payment_id", description="The payment. Null if none was made.")
    bill: Bill | None = edge(BillById, "bill_id", description="The bill after the payment. Null if none was made.")
    user_errors: list[UserError] = _user_errors()


@strawberry.type(description="What came of a change of contact data.")
class UpdateContactPayload:
    """Declares `resolvers.writing.mutations.Answer`."""

    customer: Customer | None = edge(
        KnownCustomerById, "customer_id", description="The customer after the change. Null if nothing was changed."
    )
    user_errors: list[UserError] = _user_errors()


Given = TypeVar("Given")
Input = Annotated[Given, strawberry.argument(name="input", description="What to do.")]


async def _open_ticket(info: Info, given: Input[OpenTicketInput]) -> OpenTicketPayload:
    answer: Any = await mutations.open_ticket(
        info.context,
        given.idempotency_key,
        name=given.name,
        description=given.description,
        customer_id=given.customer_id,
        service_ids=given.service_ids or (),
        kind=given.kind,
        severity=given.severity,
    )
    return answer  # type: ignore[no-any-return]  # the record that the payload declares


async def _add_ticket_note(info: Info, given: Input[AddTicketNoteInput]) -> AddTicketNotePayload:
    answer: Any = await mutations.add_note(
        info.context, given.idempotency_key, given.ticket_id, given.text, internal=given.internal or False
    )
    return answer  # type: ignore[no-any-return]  # the record that the payload declares


async def _close_ticket(info: Info, given: Input[CloseTicketInput]) -> CloseTicketPayload:
    answer: Any = await mutations.close_ticket(info.context, given.idempotency_key, given.ticket_id, given.reason)
    return answer  # type: ignore[no-any-return]  # the record that the payload declares


async def _reopen_ticket(info: Info, given: Input[ReopenTicketInput]) -> ReopenTicketPayload:
    answer: Any = await mutations.reopen_ticket(info.context, given.idempotency_key, given.ticket_id, given.reason)
    return answer  # type: ignore[no-any-return]  # the record that the payload declares


async def _assign_ticket(info: Info, given: Input[AssignTicketInput]) -> AssignTicketPayload:
    answer: Any = await mutations.assign_ticket(info.context, given.idempotency_key, given.ticket_id, given.assignee)
    return answer  # type: ignore[no-any-return]  # the record that the payload declares


async def _pay_bill(info: Info, given: Input[PayBillInput]) -> PayBillPayload:
    amount = None if given.amount is None else MoneyRecord(given.amount.amount, given.amount.currency)
    answer: Any = await mutations.pay_bill(
        info.context, given.idempotency_key, given.bill_id, amount, given.payment_method_token
    )
    return answer  # type: ignore[no-any-return]  # the record that the payload declares


async def _update_contact(info: Info, given: Input[UpdateContactInput]) -> UpdateContactPayload:
    answer: Any = await mutations.update_contact(
        info.context, given.idempotency_key, given.customer_id, _changed(given.email), _changed(given.phone)
    )
    return answer  # type: ignore[no-any-return]  # the record that the payload declares


@strawberry.type(description="Everything that can be changed. Each mutation is done once for each idempotencyKey.")
class Mutation:
    """Each turns its input into what `resolvers.writing.mutations` takes."""

    open_ticket: OpenTicketPayload | None = strawberry.mutation(
        resolver=_open_ticket, directives=[NULL_IS_AN_ERROR], description="Open a ticket."
    )
    add_ticket_note: AddTicketNotePayload | None = strawberry.mutation(
        resolver=_add_ticket_note, directives=[NULL_IS_AN_ERROR], description="Add a note to a ticket that is open."
    )
    close_ticket: CloseTicketPayload | None = strawberry.mutation(
        resolver=_close_ticket, directives=[NULL_IS_AN_ERROR], description="Close a ticket that is open."
    )
    reopen_ticket: ReopenTicketPayload | None = strawberry.mutation(
        resolver=_reopen_ticket, directives=[NULL_IS_AN_ERROR], description="Open a ticket again that has ended."
    )
    assign_ticket: AssignTicketPayload | None = strawberry.mutation(
        resolver=_assign_ticket,
        directives=[NULL_IS_AN_ERROR],
        description="Give a ticket to a member of staff. For agents and admins.",
    )
    pay_bill: PayBillPayload | None = strawberry.mutation(
        resolver=_pay_bill, directives=[NULL_IS_AN_ERROR], description="Pay a bill, or a part of it."
    )
    update_contact: UpdateContactPayload | None = strawberry.mutation(
        resolver=_update_contact,
        directives=[NULL_IS_AN_ERROR],
        description="Change a customer's e-mail address or phone number.",
    )
