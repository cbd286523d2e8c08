"""The promises of a ticketing driver, for the conformance suite."""

from typing import Final

from connectors.conformance.promises import Promises, by_own_id, by_parent_key
from connectors.ticketing.port import Ticket
from connectors.ticketing.promised_writes import ticket_writings

TICKETING: Final = Promises(
    methods=(
        by_parent_key(
            "tickets_of_customers", "customer", Ticket, "customer_ids", "-created_at", windowed=True, is_open=None
        ),
        by_own_id("tickets", "ticket", Ticket),
        by_parent_key("tickets_of_services", "service", Ticket, "service_ids", "-created_at", is_open=None),
    ),
    kinds={Ticket: "ticket"},
    has_documents=True,
    writes=("open_ticket", "ticket_opened_with", "add_note", "has_note", "set_status", "assign_ticket"),
    writings=ticket_writings,
    write_kinds=("assignee",),
)
