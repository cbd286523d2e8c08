"""Tickets and outages: chosen by status and by time, in order."""

from tests.stack import Stack


async def test_tickets_are_chosen_by_status_and_sorted(stack: Stack) -> None:
    document = """{ me {
      tickets { nodes { id createdAt status } }
      oldest: tickets(sort: OLDEST) { nodes { id createdAt status } }
      done: tickets(status: [CLOSED, RESOLVED]) { totalCount nodes { id createdAt status } }
    } }"""
    me = (await stack.ask(document, "1001")).clean()["me"]

    tickets = me["tickets"]["nodes"]
    assert me["oldest"]["nodes"] == tickets[::-1]
    assert me["done"]["nodes"] == [ticket for ticket in tickets if ticket["status"] in ("CLOSED", "RESOLVED")]
    assert me["done"]["totalCount"] == 2


async def test_outages_of_a_span(stack: Stack) -> None:
    document = """query($since: DateTime, $until: DateTime) {
      outages(since: $since, until: $until, first: 100) { totalCount nodes { id startedAt } }
    }"""
    everything = (await stack.ask(document)).clean()["outages"]["nodes"]
    middle = everything[len(everything) // 2]["startedAt"]
    later = await stack.ask(document, since=middle)
    earlier = await stack.ask(document, until=middle)

    assert [outage["startedAt"] for outage in everything] == sorted((o["startedAt"] for o in everything), reverse=True)
    found = [answer.clean()["outages"] for answer in (later, earlier)]
    assert [outage for part in found for outage in part["nodes"]] == everything
    assert [part["totalCount"] for part in found] == [len(part["nodes"]) for part in found]
    assert len(later.calls) == 1
    assert "creationDate.gte=" in later.calls[0]["path"]


async def test_who_works_on_a_ticket_is_for_staff(stack: Stack) -> None:
    document = '{ ticket(id: "TT-1001-1") { id assignee } }'
    assert (await stack.ask(document, "1001")).clean()["ticket"] == {"id": "Ticket:TT-1001-1", "assignee": None}
    assert (await stack.ask(document)).clean()["ticket"]["assignee"].startswith("AGENT")
