"""Tickets: opened with a hint, written to, closed; what an agent writes and an outage that ends appear alone."""

import pytest
from playwright.async_api import expect

from tests.browser import needs_chromium
from tests.portal.conftest import PATIENCE, Tab, needs_portal
from tests.stack import Stack

pytestmark = [needs_chromium, needs_portal]

NOTE = """mutation ($input: AddTicketNoteInput!) {
  addTicketNote(input: $input) { ticket { id } userErrors { code } } }"""


@pytest.mark.long
async def test_opened_written_to_and_closed(tab: Tab) -> None:
    await tab.sign_in(path="/tickets/new")
    subject = tab.page.get_by_label("What is it about?")
    await subject.select_option(label="Fibre 500")
    await expect(tab.page.get_by_text("We know about this:")).to_be_visible()
    await subject.select_option(label="TV Cinema")
    await expect(tab.page.get_by_text("We know about this:")).to_have_count(0)
    await tab.page.get_by_label("In a few words").fill("No picture")
    await tab.page.get_by_label("What happened?").fill("The screen stays dark.")
    await tab.page.get_by_role("button", name="Open the case").click()
    await expect(tab.page.get_by_role("heading", level=1, name="No picture")).to_be_visible(timeout=PATIENCE)
    await tab.page.get_by_label("Write to us").fill("Still dark.")
    await tab.page.get_by_role("button", name="Send").dblclick()
    await expect(tab.page.get_by_role("list", name="Conversation").get_by_text("Still dark.")).to_have_count(
        1, timeout=PATIENCE
    )
    await expect(tab.page.get_by_label("Write to us")).to_have_value("")
    await tab.page.get_by_role("button", name="Close this case").click()
    await tab.page.get_by_role("button", name="Yes, close it").click()
    await expect(tab.page.get_by_label("Write to us")).to_have_count(0, timeout=PATIENCE)
    assert tab.operations.count("AddTicketNote") == 1
    await tab.page.get_by_role("link", name="Support", exact=True).click()
    await expect(tab.page.get_by_text("No connection in the evenings")).to_be_visible(timeout=PATIENCE)
    await expect(tab.page.get_by_text("No picture")).to_have_count(0, timeout=PATIENCE)


async def test_a_note_of_an_agent_appears_by_itself(tab: Tab, portal: Stack) -> None:
    await tab.sign_in(path="/tickets/Ticket:TT-1001-1")
    await tab.see("We measured your line")
    await tab.connected()
    note = {"ticketId": "Ticket:TT-1001-1", "text": "The technician comes on Monday.", "idempotencyKey": "agents-note"}
    assert (await portal.ask(NOTE, "agent", input=note)).clean()["addTicketNote"]["userErrors"] == []
    notes = tab.page.get_by_role("list", name="Conversation")
    await expect(notes.get_by_text("The technician comes on Monday.")).to_be_visible(timeout=PATIENCE)
    await expect(tab.page.get_by_role("status").get_by_text("News about")).to_be_visible()


@pytest.mark.long
async def test_an_outage_that_ends_disappears(tab: Tab, portal: Stack) -> None:
    ticketing = portal.systems["ticketing"]
    async with portal.session.post(f"{ticketing.url}/_sandbox/outages", json={"cabinet": 1}) as answer:
        outage = (await answer.json())["id"]
    await tab.sign_in()
    affected = tab.card("Services").locator(".warn-text")
    await expect(affected.nth(1)).to_be_visible(timeout=PATIENCE)  # one more than there was
    await tab.connected()
    before = await affected.count()
    async with portal.session.delete(f"{ticketing.url}/_sandbox/outages/{outage}") as answer:
        assert answer.status < 300
    await expect(affected).not_to_have_count(before, timeout=PATIENCE)
    assert await affected.count() < before
