"""The demo's settings, which are made here and not read from a file."""

import secrets
from typing import Any, Final

from gateway.settings import Settings
from gateway.writes_settings import WritesSettings
from sandbox.protocol.systems import SYSTEMS

_LOOPBACK: Final = ["http://127.0.0.1:*", "http://localhost:*", "http://[::1]:*"]
"""Origins of pages on this machine: portals that are being written."""

HOST: Final = "127.0.0.1"
"""The demo hands out an admin's token to whoever opens its page, so it listens on this machine only."""


def settings(port: int, sandbox_port: int) -> Settings:
    """The demo's settings: everybody may read the schema, and a browser gets GraphiQL.

    `sandbox_port` is the port of the first system; the others have the ports after it.
    """
    systems: dict[str, dict[str, Any]] = {
        name: {"url": f"http://{HOST}:{sandbox_port + at}"} for at, name in enumerate(SYSTEMS)
    }
    systems["billing"]["profile"] = {"bills_name_customers": True, "payment_method": {"id": "PM-DEMO"}}
    found = Settings.model_validate(
        {
            "systems": systems,
            "graphql": {"introspection": "everyone", "graphiql": True},
            "live": {
                "enabled": True,
                "origins": _LOOPBACK,
                "leave": 1.0,
                "callback_url": f"http://{HOST}:{port}",
                "sources": {name: {"hub": True, "secret": secrets.token_hex(16)} for name in ("ticketing", "billing")},
            },
            "cors": {"origins": _LOOPBACK},
            "files": {"signed_for": 300.0},
            "portal": {"enabled": True},
            "server": {"host": HOST, "port": port, "public_url": f"http://{HOST}:{port}", "metrics": True},
        }
    )
    # What the settings of a file may not say: payments, too, are remembered in the demo's one process only.
    return found.model_copy(update={"writes": WritesSettings(enabled=True, in_process=True)})
