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

Who reads in full what is masked for others of the kind leaves a line for each request, or message of a subscription:

| key | says |
| --- | --- |
| `time`, `logger`, `caller`, `request` | as above; `request` is null for subscriptions |
| `unmasked` | by type: the `fields`, the `ids` of which they were asked, at most 50, and how many `more` there were |

It never holds what was written: no text, no address, no amount, nor what a system says, which may repeat them; nor
what was read.
"""

import json
import logging
from datetime import UTC, datetime
from itertools import islice
from typing import Final

from gateway.http.request_id import current_request_id
from resolvers.unmasked import MOST_IDS, Unmasked
from resolvers.viewer import Viewer
from resolvers.writing.audit import Audited

LOGGER: Final = "gateway.audit"
_log = logging.getLogger(LOGGER)
_LONGEST: Final = 200
"""Characters of an id, which a caller may have made up."""


def audit(audited: Audited) -> None:
    """Log one outcome of a write."""
    line = {
        **_begun(audited.caller),
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


def audit_unmasked(viewer: Viewer, unmasked: Unmasked) -> None:
    """Log what one request, or one message of a subscription, read in full."""
    read = {
        name: {
            "fields": sorted(one.fields),
            "ids": [key[:_LONGEST] for key in islice(one.ids, MOST_IDS)],
            "more": one.more,
        }
        for name, one in sorted(unmasked.types.items())
    }
    line = {
        **_begun(f"{viewer.issuer} {viewer.subject}"),
        "unmasked": read,
        "request": current_request_id.get() or None,
    }
    _log.info("%s", json.dumps(line))


def _begun(caller: str) -> dict[str, str]:
    """What every line begins with."""
    time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"time": time, "logger": LOGGER, "caller": caller}
