"""Monitoring has one id for each place: an outage that ended and is open again has begun again."""

from datetime import UTC, datetime, timedelta

from connectors.assurance.port import Outage, OutageState
from resolvers.changes import FOLLOWED, Before, ChangeKind

BEGAN = datetime(2026, 11, 29, 1, 17, tzinfo=UTC)


def test_an_outage_that_begins_again_is_new_if_the_system_says_so() -> None:
    kind = FOLLOWED["outageChanged"].kind
    one = Outage(id="ServiceDown:S1:olt-1", state=OutageState.IN_PROGRESS, started_at=BEGAN)
    soon = BEGAN + timedelta(seconds=5)
    assert kind(one, None, True, soon) is ChangeKind.CREATED
    assert kind(one, Before(had_ended=True), True, soon) is ChangeKind.CREATED
    assert kind(one, Before(had_ended=True), False, soon) is ChangeKind.CHANGED  # nobody says that it is new
    assert kind(one, Before(had_ended=False), True, soon) is ChangeKind.CHANGED
