"""Where the products of `make live` post what changes: the gateway that `acceptance.live_events` serves.

Their start scripts take the addresses from the environment, so they are the same in each run.
"""

import secrets
from collections.abc import Mapping
from typing import Final

PORT: Final = 18100
"""Where the gateway is served."""

SECRET: Final = "secret-of-make-live"  # noqa: S105  # loopback only, and for the time of a measurement
_BASE: Final = f"http://127.0.0.1:{PORT}/events"

NAUTOBOT: Final = f"{_BASE}/inventory"

ENVIRONMENT: Final[Mapping[str, str]] = {
    "RT_WEBHOOK_URL": f"{_BASE}/ticketing/{SECRET}",
    "AM_WEBHOOK_URL": f"{_BASE}/assurance/{SECRET}",
    "AM_BASIC": "1",
    # BottleCRM makes the secret, and its script prints it only for an address that is new to it.
    "CRM_WEBHOOK_URL": f"{_BASE}/crm?run={secrets.token_hex(4)}",
}
"""For the start scripts. Request Tracker reads it when it starts: one that ran before posts nothing."""
