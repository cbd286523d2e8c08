"""Systems of many kinds behind one request: four real products, and the sandbox in both versions of TM Forum.

The CRM is BottleCRM and the inventory Nautobot, as `acceptance.live` starts them. Bills come from a sandbox that speaks
v5 and knows customers by their account number, which BottleCRM keeps as a custom field; tickets from one in v4. Outages
and usage come from Alertmanager and openwisp-radius.
"""

import tempfile
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from acceptance.running import serving
from gateway.settings import Settings
from sandbox.data.world import World
from sandbox.server import SandboxServer

MIXED: Final = """query Mixed {
  me {
    id name email
    accounts { id name balance { amount currency } }
    bills(first: 1) { nodes { number amountDue { amount currency } customer { id } } }
    usage { name used unit }
    services(first: 2) { nodes { id state resources { id name } } }
    tickets(first: 1) { nodes { id name status customer { id } } }
  }
}"""


def mixed(live: Settings, billing: str, ticketing: str) -> Settings:
    """The settings of the real products, with sandboxes at these addresses for two of them."""
    given = live.model_dump(exclude_unset=True)
    given["systems"] |= {
        "billing": {"url": billing, "customer_key": "external:account_number", "profile": {"version": "v5"}},
        "ticketing": {"url": ticketing},
    }
    return Settings.model_validate(given)


async def ask_mixed(live: Settings, customer: str, console: Console) -> dict[str, Any]:
    """Ask one question of all four as the subscriber, and print the answer. `live` names the real products.

    Raises RuntimeError where a part of it is missing.
    """
    world = World(customers=60)
    with SandboxServer("billing", world=world) as billing, SandboxServer("ticketing", world=world) as ticketing:
        billing.switches.merge(
            {"version": "v5", "customersAs": "reference", "reference": "A{}", "referenceShift": 199_000}
        )
        ticketing.switches.merge({"customersAs": "reference", "reference": "C{}", "referenceShift": 99_000})
        given = mixed(live, billing.url, ticketing.url)
        with tempfile.TemporaryDirectory() as folder:
            async with serving(given, Path(folder)) as gateway:
                answer = await gateway.ask(MIXED, {}, customer)
    console.print_json(data=answer["data"])
    for call in answer["extensions"]["upstream"]:
        line = f"{call['system']:10} {call['loader']:26} {call['durationMs']:7.1f} ms  {call['path'].partition('?')[0]}"
        console.print(line, highlight=False)
    for error in answer.get("errors", []):
        console.print(f"{error['path']}: {error['extensions']['code']}", highlight=False)
    me = answer["data"]["me"]
    missing = [name for name in ("name", "accounts", "bills", "usage", "services", "tickets") if not me[name]]
    if missing:
        raise RuntimeError(f"the mixed request lacks {', '.join(missing)}")
    return answer
