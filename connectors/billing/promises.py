"""The promises of a billing driver, for the conformance suite."""

from typing import Any, Final

from connectors.billing.port import Bill, BillCharge, BillingAccount, Payment
from connectors.billing.promised_writes import PayBill
from connectors.conformance.promises import Promises, Searched, by_own_id, by_parent_key
from connectors.conformance.trial import Failure, Trial, brief
from connectors.reading.texts import same
from connectors.records import Fields, Window


def _numbered(driver: Any, text: str, _: Window, fields: Fields | None) -> Any:
    return driver.bills_numbered(text, fields)


def _bills_name_customers(trial: Trial) -> None:
    """`bills_name_customers` must be a bool: if it is True, the gateway reads bills by customer, not by account."""
    says = getattr(trial.driver, "bills_name_customers", None)
    if not isinstance(says, bool):
        raise Failure(
            f"`bills_name_customers` is {brief(says)}; right is True where every bill names its customer, else False."
        )
    bills = trial.samples.get(Bill, {}).values()
    if says and (unowned := [bill.id for bill in bills if not bill.customer_ids]):
        raise Failure(f"`bills_name_customers` is True, and bill {brief(unowned[0])} names none; right is False.")


BILLING: Final = Promises(
    methods=(
        by_parent_key("accounts_of_customers", "customer", BillingAccount, "customer_ids", "id"),
        by_own_id("accounts", "account", BillingAccount),
        by_parent_key("bills_of_customers", "customer", Bill, "customer_ids", "-bill_date", windowed=True),
        by_parent_key("bills_of_accounts", "account", Bill, "account_id", "-bill_date", windowed=True),
        by_own_id("bills", "bill", Bill),
        Searched(
            "bills_numbered",
            Bill,
            _numbered,
            lambda row: (row.number,),
            lambda text, row: same(row.number, text),
            windowed=False,
            any_case=False,
        ),
        by_parent_key("charges_of_bills", "bill", BillCharge, "bill_id", "id"),
        by_parent_key("payments_of_accounts", "account", Payment, "account_id", "-paid_at", windowed=True),
        by_own_id("payments", "payment", Payment),
    ),
    kinds={BillingAccount: "account", Bill: "bill", Payment: "payment"},
    has_documents=True,
    declared=_bills_name_customers,
    writes=("pay_bill", "payment_made_with"),
    writings=lambda trial: [PayBill(trial)],
    write_kinds=("method_token",),
)
