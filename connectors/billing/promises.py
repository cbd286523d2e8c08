"""What a billing system's drivers promise, for the conformance suite."""

from typing import Any, Final

from connectors.billing.port import Bill, BillCharge, BillingAccount, Payment, UsageAllowance
from connectors.conformance.promises import Keyed, Promises, Searched, by_id, under
from connectors.conformance.trial import Failure, Trial, said
from connectors.records import Fields, Rows, Window


async def _numbered(driver: Any, text: str, _: Window, fields: Fields | None) -> Any:
    return Rows.of(list(await driver.bills_numbered(text, fields)))


def _bills_name_customers(trial: Trial) -> None:
    """It must be said, because the gateway asks by customer in place of accounts where it is true."""
    says = getattr(trial.driver, "bills_name_customers", None)
    if not isinstance(says, bool):
        raise Failure(
            f"`bills_name_customers` is {said(says)}; right is True where every bill names its customer, else False."
        )
    bills = trial.samples.get(Bill, {}).values()
    if says and (unowned := [bill.id for bill in bills if not bill.customer_ids]):
        raise Failure(f"`bills_name_customers` is True, and bill {said(unowned[0])} names none; right is False.")


BILLING: Final = Promises(
    methods=(
        under("accounts_of_customers", "customer", BillingAccount, "customer_ids", "id"),
        by_id("accounts", "account", BillingAccount),
        under("bills_of_customers", "customer", Bill, "customer_ids", "-bill_date", windowed=True),
        under("bills_of_accounts", "account", Bill, "account_id", "-bill_date", windowed=True),
        by_id("bills", "bill", Bill),
        Searched(
            "bills_numbered",
            Bill,
            _numbered,
            lambda row: (row.number,),
            lambda text, row: (row.number or "").casefold() == text.casefold(),
            windowed=False,
            any_case=False,
        ),
        under("charges_of_bills", "bill", BillCharge, "bill_id", "id"),
        under("payments_of_accounts", "account", Payment, "account_id", "-paid_at", windowed=True),
        by_id("payments", "payment", Payment),
        Keyed(
            "usage_of_customers",
            "customer",
            UsageAllowance,
            lambda driver, keys, _window, _fields: driver.usage_of_customers(keys),
            lambda row: row.customer_ids,
            many=True,
            projected=False,
        ),
    ),
    kinds={BillingAccount: "account", Bill: "bill", Payment: "payment"},
    has_documents=True,
    declared=_bills_name_customers,
    writes=("pay_bill", "payment_made_with"),
)
