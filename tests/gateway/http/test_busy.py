"""How busy a thread is."""

import time

from gateway.http.busy import Busy


def test_who_works_is_busy_and_who_waits_is_not() -> None:
    busy = Busy()
    time.sleep(0.2)
    waited = busy.share()
    until = time.monotonic() + 0.2
    while time.monotonic() < until:
        pass
    worked = busy.share()
    busy.close()
    assert waited < 0.5 < worked <= 1.0
