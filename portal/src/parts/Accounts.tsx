import { Link } from "wouter";
import { to } from "../addresses";
import type { HomeAccountsFragment } from "../gql/graphql";
import { day, money } from "../formats";
import { texts } from "../texts";

const words = texts.home.accounts;

/** Accounts with their balance, and what is open of each. `action` is what a row is for. */
export function Accounts({ accounts, action }: { accounts: NonNullable<HomeAccountsFragment["accounts"]>; action?: string }) {
  if (accounts.length === 0) return <p className="hint">{words.none}</p>;
  return (
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
                  {action && <span className="row-action">{action}</span>}
                </Link>
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ul>
  );
}
