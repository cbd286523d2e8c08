"""The audit log: one line of JSON per outcome of a write, by the logger `gateway.audit`, whatever `log` says.

| key | says |
| --- | --- |
| `time`, `logger` | when (UTC), and `gateway.audit` |
| `caller` | who: issuer and `sub` of the token |
| `subject` | for whom, or to what: a global id |
| `mutation`, `system` | what, and where |
| `key` | the write's own key, which goes to the system where that has a place for it; not the client's |
| `outcome` | `done`, `refused` by the system, `unknown`, `invalid` (the caller's mistake), `not_done` |
| `result` | the global id of what came of it: the type, and the system's own id |
| `codes` | what the caller was told, apart from the result |
| `cause` | what the system, or Redis, did: a code, and the status of its answer |
| `request` | the id of the request that it was done for, which its answer has as `X-Request-Id` |

It never holds what was written: no text, no address, no amount, nor what a system says, which may repeat them.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Final

from gateway.http.request_id import current_request_id
from resolvers.writing.audit import Audited

LOGGER: Final = "gateway.audit"
_log = logging.getLogger(LOGGER)
_LONGEST: Final = 200
"""Characters of an id, which a caller may have made up."""


def audit(audited: Audited) -> None:
    """Log one outcome."""
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "logger": LOGGER,
        "caller": audited.caller,
        "mutation": audited.mutation,
        "subject": audited.subject[:_LONGEST],
        "system": audited.system,
        "key": audited.key,
        "outcome": audited.outcome,
        "result": audited.result or None,
        "codes": list(audited.codes),
        "cause": audited.cause or None,
        "request": current_request_id.get() or None,
    }
    _log.info("%s", json.dumps(line))  # in ASCII: there is nothing that cannot be written, and no second line
