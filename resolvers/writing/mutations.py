"""From what a client sent to a write, and from its outcome to what the client is answered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum

from connectors.crm.port import ContactChange
from connectors.records import Money
from connectors.store.writes import Problem
from connectors.ticketing.port import NewNote, NewTicket, TicketSeverity
from connectors.writes import Change
from resolvers.context import RequestContext
from resolvers.errors import BadInput, Forbidden
from resolvers.nodes import local_id
from resolvers.writing import shapes
from resolvers.writing.billing import BillPayment, PayBill
from resolvers.writing.crm import UpdateContact, customer_meant
from resolvers.writing.ticketing import AddNote, AssignTicket, CloseTicket, OpenTicket, ReopenTicket
from resolvers.writing.write import Write


class UserErrorCode(Enum):
    """What the caller did wrong in a write."""

    REQUIRED = "required"
    INVALID = "invalid"
    TOO_LONG = "too long"
    NOT_FOUND = "not found"
    NOT_ALLOWED = "not allowed"
    WRONG_STATE = "wrong state"
    AMOUNT_TOO_HIGH = "amount too high"
    CURRENCY_MISMATCH = "currency mismatch"
    ALREADY_PAID = "already paid"
    IDEMPOTENCY_KEY_REUSED = "idempotency key reused"
    REFUSED_BY_SYSTEM = "refused by system"
    CONFLICT = "conflict"


@dataclass(frozen=True, slots=True)
class UserError:
    """One mistake of the caller's."""

    code: UserErrorCode
    message: str
    path: list[str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a mutation answers: ids of records that are read anew, and the caller's mistakes."""

    user_errors: list[UserError]
    ticket_id: str | None = None
    payment_id: str | None = None
    bill_id: str | None = None
    customer_id: str | None = None


async def open_ticket(
    context: RequestContext,
    key: str,
    *,
    name: str,
    description: str,
    customer_id: str | None,
    service_ids: Sequence[str],
    kind: str | None,
    severity: TicketSeverity | None,
) -> Answer:
    """Open a ticket for a customer."""
    ids = _Ids()
    customer = ids.read("Customer", customer_id, ("customerId",))
    if too_many := [*shapes.ids(service_ids, ("serviceIds",))]:
        ids.problems += too_many
        service_ids = ()
    read = [ids.read("Service", one, ("serviceIds", str(at))) for at, one in enumerate(service_ids)]
    services = [one for one in read if one]  # all, or nothing is sent
    meant = customer_meant(customer, context.viewer) if not ids.problems else ""
    if isinstance(meant, Problem):
        ids.problems.append(meant)
        meant = ""
    write = OpenTicket(
        NewTicket(
            customer_id=meant,
            name=name.strip(),
            description=description.strip(),
            service_ids=tuple(dict.fromkeys(services)),
            kind=kind,
            severity=severity,
        ),
        services,
    )
    if severity is TicketSeverity.UNKNOWN:
        ids.problems.append(Problem("INVALID", "UNKNOWN cannot be written: leave it out.", ("severity",)))
    return await _written(context, key, write, [*ids.problems, *write.shape()], result="ticket_id")


async def add_note(context: RequestContext, key: str, ticket_id: str, text: str, *, internal: bool) -> Answer:
    """Add a note to a ticket, in the caller's name."""
    ids = _Ids()
    own = ids.read("Ticket", ticket_id, ("ticketId",))
    viewer = context.viewer
    if internal and not viewer.is_staff:
        ids.problems.append(Problem("NOT_ALLOWED", "Only staff may write internal notes.", ("internal",)))
    write = AddNote(NewNote(ticket_id=own or "", text=text.strip(), author=viewer.name, internal=internal))
    return await _written(context, key, write, [*ids.problems, *write.shape()], result="ticket_id")


async def close_ticket(context: RequestContext, key: str, ticket_id: str, reason: str | None) -> Answer:
    """Close a ticket."""
    ids = _Ids()
    write = CloseTicket(ids.read("Ticket", ticket_id, ("ticketId",)) or "", reason)
    return await _written(context, key, write, [*ids.problems, *write.shape()], result="ticket_id")


async def reopen_ticket(context: RequestContext, key: str, ticket_id: str, reason: str | None) -> Answer:
    """Open a ticket again."""
    ids = _Ids()
    write = ReopenTicket(ids.read("Ticket", ticket_id, ("ticketId",)) or "", reason)
    return await _written(context, key, write, [*ids.problems, *write.shape()], result="ticket_id")


async def assign_ticket(context: RequestContext, key: str, ticket_id: str, assignee: str) -> Answer:
    """Give a ticket to a member of staff. Raises `Forbidden` for subscribers."""
    if not context.viewer.is_staff:
        raise Forbidden("assignTicket is for agents.")
    ids = _Ids()
    write = AssignTicket(ids.read("Ticket", ticket_id, ("ticketId",)) or "", assignee.strip())
    return await _written(context, key, write, [*ids.problems, *write.shape()], result="ticket_id")


async def pay_bill(
    context: RequestContext, key: str, bill_id: str, amount: Money | None, method_token: str | None
) -> Answer:
    """Pay a bill: the payment, and the bill as it is afterwards."""
    ids = _Ids()
    bill = ids.read("Bill", bill_id, ("billId",)) or ""
    write = PayBill(BillPayment(bill, amount, method_token))
    answer = await _written(context, key, write, [*ids.problems, *write.shape()], result="payment_id")
    return Answer(answer.user_errors, payment_id=answer.payment_id, bill_id=bill if answer.payment_id else None)


async def update_contact(
    context: RequestContext, key: str, customer_id: str | None, email: Change, phone: Change
) -> Answer:
    """Change how a customer is reached."""
    ids = _Ids()
    meant = customer_meant(ids.read("Customer", customer_id, ("customerId",)), context.viewer)
    if isinstance(meant, Problem):
        if not ids.problems:
            ids.problems.append(meant)
        meant = ""
    write = UpdateContact(ContactChange(customer_id=meant, email=_trimmed(email), phone=_trimmed(phone)))
    return await _written(context, key, write, [*ids.problems, *write.shape()], result="customer_id")


def _trimmed(value: Change) -> Change:
    return value.strip() if isinstance(value, str) else value


class _Ids:
    """Reads global ids of an input; what cannot be one does not exist."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read(self, type_name: str, given: str | None, path: tuple[str, ...]) -> str | None:
        """The system's own id; None where there is none."""
        if given is None:
            return None
        try:
            own = local_id(type_name, given)
        except BadInput:
            own = ""
        if not own:
            self.problems.append(Problem("NOT_FOUND", f"There is no such {type_name.lower()}.", path))
        return own or None


async def _written(context: RequestContext, key: str, write: Write, wrong: Iterable[Problem], *, result: str) -> Answer:
    """Do it once, if nothing is wrong with the input as it is; what came of it is the answer's `result`."""
    if context.writes is None:
        raise Forbidden("This gateway takes no writes.")
    context.writes.allow(context.viewer, write.mutation)
    problems = [*shapes.key(key), *wrong]
    if problems:
        return Answer([_user_error(one) for one in problems])
    outcome = await context.writes.once(context, write, key)
    found = {} if outcome.result is None else {result: outcome.result.id}
    return Answer([_user_error(one) for one in outcome.problems], **found)


def _user_error(problem: Problem) -> UserError:
    return UserError(UserErrorCode[problem.code], problem.message, list(problem.path))
