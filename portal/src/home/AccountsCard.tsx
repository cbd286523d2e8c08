import { Link } from "wouter";
import { to } from "../addresses";
import { HomeAccountsAgainDocument } from "../gql/graphql";
import { day, money } from "../formats";
import { usePart } from "../graph/usePart";
import { useChanges } from "../live/LiveChanges";
import { Card } from "../parts/Card";
import { texts } from "../texts";
import type { HomeProps } from "./me";

const words = texts.home.accounts;

export function AccountsCard({ home, me }: HomeProps) {
  const part = usePart(home, me?.accounts, ["me", "accounts"], HomeAccountsAgainDocument);
  useChanges("bills", part.again);
  const accounts = me?.accounts ?? [];
  return (
    <Card title={words.title} what={words.what} part={part} className="wide" lines={5} action={<Link href="/bills">{words.all}</Link>}>
      {accounts.length === 0 && <p className="hint">{words.none}</p>}
      <ul className="accounts">
        {accounts.map(({ id, name, balance, bills }) => (
          <li key={id}>
            <div className="account-head">
              <h3>{name ?? id}</h3>
              {balance && (
                <p className="figure">
                  <span className="hint">{words.balance}</span> <strong>{money(balance)}</strong>
                </p>
              )}
            </div>
            {bills?.nodes.length === 0 && <p className="hint">{words.nothingOpen}</p>}
            <ul className="rows">
              {bills?.nodes.map((bill) => (
                <li key={bill.id}>
                  <Link href={to.bill(bill.id)} className="row">
                    <span className="row-main">
                      <strong>{texts.bills.bill(bill.number)}</strong>
                      {bill.dueDate && (
                        <small className={bill.isOverdue ? "bad-text" : ""}>
                          {bill.isOverdue ? words.overdue(day(bill.dueDate)) : words.due(day(bill.dueDate))}
                        </small>
                      )}
                    </span>
                    {bill.remainingAmount && <span className="amount">{money(bill.remainingAmount)}</span>}
                    <span className="row-action">{words.pay}</span>
                  </Link>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </Card>
  );
}
