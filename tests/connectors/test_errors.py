"""What clients may read of a failure."""

import pytest

from connectors.errors import Declined, Reason


@pytest.mark.parametrize("reason", list(Reason))
def test_a_refusal_tells_the_person_what_to_do_and_not_the_operator(reason: Reason) -> None:
    told = Declined("billing", "detail", reason).public
    assert "operator" not in told
    assert "detail" not in told
    others = {Declined("billing", "", one).public for one in Reason if one is not reason}
    assert told not in others
