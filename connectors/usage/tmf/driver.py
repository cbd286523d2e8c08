"""Usage by TM Forum v4 and v5: TMF677 Usage Consumption."""

from collections.abc import Mapping, Sequence

from connectors.http.client import HttpClient
from connectors.records import Found, Rows
from connectors.tmf.capabilities import one_by_one, unsupported
from connectors.tmf.profile import Profile
from connectors.tmf.reader import Reader
from connectors.usage.port import UsageAllowance
from connectors.usage.tmf.usage import usage


class TmfUsage:
    """The usage port over TM Forum v4 and v5."""

    def __init__(self, http: HttpClient, profile: Profile) -> None:
        self.http = http
        self._usage = usage(http, profile, Reader(http.name, profile, http.system.customer_key, http.health))
        questions = {"usage_of_customers": self._usage.needs}
        reason = self._usage.reason_missing
        self.unsupported: Mapping[str, str] = {
            **unsupported(questions, {}, {}),
            **({"usage_of_customers": reason} if reason else {}),
        }
        self.one_by_one = one_by_one(questions, {})
        if self._usage.one_call_per_customer:
            self.one_by_one |= {
                "usage_of_customers": "This installation takes no lists of values, so each customer needs a call."
            }

    async def probe(self) -> None:
        await self._usage.probe()

    async def usage_of_customers(self, customer_ids: Sequence[str]) -> Found[Rows[UsageAllowance]]:
        return await self._usage.of_customers(customer_ids)
