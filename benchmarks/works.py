"""What is asked in the benchmark: documents, who asks, and what they must cost upstream."""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

PORTAL: Final = """query Portal {
  me {
    id name status email phone
    accounts {
      id name state balance { amount currency }
      bills(first: 3) { nodes { id number dueDate state amountDue { amount currency } } }
    }
    services(first: 5) { nodes { id name state startedAt resources { id name kind } } }
    tickets(first: 5, open: true) { nodes { id name status createdAt } }
  }
}"""
"""PortalHome (web/src/operations) without usage and outages: what every contestant's schema has."""

DASHBOARD: Final = """query Dashboard($first: Int = 50) {
  customers(first: $first) {
    nodes {
      id name status
      accounts {
        id name balance { amount currency }
        bills(first: 3) { nodes { id amountDue { amount currency } state } }
      }
      services(first: 20) { nodes { id name state } }
      tickets(first: 10) { nodes { id name status severity } }
    }
  }
}"""
"""OpsDashboard with three bills an account."""

ROWS: Final = "query Rows($first: Int = 1000) { customers(first: $first) { nodes { id name status } } }"

GROWING: Final = """query Growing($first: Int) {
  customers(first: $first) { nodes { id bills(first: 9) { nodes { id number state } } } }
}"""
"""Ten rows for each customer."""


@dataclass(frozen=True, slots=True)
class Work:
    """One document, and how often it is asked in a round."""

    name: str
    title: str
    document: str
    who: Literal["customers", "agent"]
    requests: int
    calls: int
    """Upstream calls of the gateway and the floor for one request that shares nothing."""
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> dict[str, Any]:
        """What is posted."""
        return {"query": self.document, "variables": self.variables}


WORKS: Final = (
    Work("typename", "{ __typename }", "{ __typename }", "customers", 3000, 0),
    Work("portal", "portal page", PORTAL, "customers", 500, 6),
    Work("dashboard", "dashboard of 50 customers", DASHBOARD, "agent", 48, 5, {"first": 50}),
    Work("rows", "1,000 rows of 3 fields", ROWS, "agent", 48, 1, {"first": 1000}),
)


def rows(count: int) -> Work:
    """A list of so many rows; one row is a customer alone, above that there are nine bills below each customer."""
    if count == 1:
        return Work("1 row", "1 row", ROWS, "agent", 400, 1, {"first": 1})
    title = f"{count:,} rows"
    return Work(title, title, GROWING, "agent", max(6, min(400, 10_000 // count)), 2, {"first": count // 10})


def levels(depth: int) -> Work:
    """A chain of so many levels below ten customers: accounts, bills, account, customer, accounts, ..."""
    chain = (("accounts {", "name }"), ("bills(first: 1) { nodes {", "number } }"), ("account {", "name }"))
    below = ""
    for opened, closed in reversed([*chain, ("customer {", "name }"), *chain][: depth - 1]):
        below = f"{opened} id {below} {closed}"
    title = f"{depth} level{'s'[: depth > 1]}"
    document = f"query Levels {{ customers(first: 10) {{ nodes {{ id name {below} }} }} }}"
    return Work(title, title, document, "agent", 150, min(depth, 3))
