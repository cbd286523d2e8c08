"""The clock of tokens and keys, for tests of what they are believed for."""

import pytest

from tests.gateway.auth.issuers import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """What the gateway takes for the time, in keys, discovery and tokens; timers go by the real one."""
    made = Clock()
    for module in ("keys", "discovery", "tokens"):
        monkeypatch.setattr(f"gateway.auth.{module}.time", made)
    return made
