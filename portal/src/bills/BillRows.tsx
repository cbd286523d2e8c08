import { Link } from "wouter";
import { to } from "../addresses";
import type { BillsQuery } from "../gql/graphql";
import { day, money } from "../formats";
import { Badge } from "../parts/Badge";
import { texts } from "../texts";

type Bill = NonNullable<NonNullable<BillsQuery["me"]>["bills"]>["nodes"][number];

export function BillStateBadge({ bill }: { bill: Pick<Bill, "isOpen" | "isOverdue"> }) {
  const { overdue, open, paid } = texts.bills.state;
  return bill.isOverdue ? <Badge tone="bad">{overdue}</Badge> : bill.isOpen ? <Badge tone="warn">{open}</Badge> : <Badge tone="good">{paid}</Badge>;
}

export function BillRows({ bills }: { bills: Bill[] }) {
  return (
    <ul className="rows">
      {bills.map((bill) => (
        <li key={bill.id}>
          <Link href={to.bill(bill.id)} className="row">
            <span className="row-main">
              <strong>{texts.bills.bill(bill.number)}</strong>
              <small>
                {bill.billDate && day(bill.billDate)}
                {bill.isOpen && bill.dueDate && ` · ${texts.home.accounts.due(day(bill.dueDate))}`}
                {bill.isOpen && bill.remainingAmount && ` · ${texts.bills.left(money(bill.remainingAmount))}`}
              </small>
            </span>
            <span className="amount">{bill.amountDue && money(bill.amountDue)}</span>
            <BillStateBadge bill={bill} />
          </Link>
        </li>
      ))}
    </ul>
  );
}
