"""The audit log: one line of JSON per outcome of a write, by the logger `gateway.audit`.

It says who wrote what for whom, and what came of it. It never holds what was written: no text, no address, no amount.
"""

import logging

import orjson

from connectors.http.scope import current_scope
from resolvers.writes import Audited

_log = logging.getLogger("gateway.audit")


def audit(audited: Audited) -> None:
    """Log one outcome."""
    scope = current_scope.get()
    line = {
        "caller": audited.caller,
        "mutation": audited.mutation,
        "subject": audited.subject,
        "system": audited.system,
        "key": audited.key,
        "outcome": audited.outcome,
        "result": audited.result or None,
        "detail": audited.detail or None,
        "calls": len(scope.calls) if scope else None,
    }
    _log.info(orjson.dumps(line).decode())
