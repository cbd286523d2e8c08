"""What the start scripts' seeds lack for writing: a payment journal in Tryton."""

import json
import urllib.request
from typing import Any, Final

JOURNAL: Final = "Customer portal"
"""Name of the payment journal, for `options.payment_journal`."""

_REST: Final = "/billing/rest/model"


def payment_journal(address: str, token: str) -> str:
    """Make the payment journal in a Tryton as the scripts seed it, unless it is there: its name."""

    def asked(target: str, body: Any = None) -> Any:
        request = urllib.request.Request(  # noqa: S310  # an address of ours
            f"{address}{_REST}/{target}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return json.loads(answer.read())

    if JOURNAL not in [one["name"] for one in asked("account.payment.journal?f=name")]:
        (company,) = asked("company.company?f=currency.id")
        asked(
            "account.payment.journal?f=name",
            {
                "name": JOURNAL,
                "currency": company["currency"]["id"],
                "company": company["id"],
                "process_method": "manual",
            },
        )
    return JOURNAL
