import { moment, money } from "../formats";
import { Badge } from "../parts/Badge";
import { texts } from "../texts";
import type { Bill } from "./BillPage";

const words = texts.bills;

export function Payments({ payments }: { payments: Bill["payments"] }) {
  if (!payments) return null;
  return (
    <section className="card">
      <h2>{words.payments}</h2>
      {payments.length === 0 && <p className="hint">{words.noPayments}</p>}
      <ul className="rows">
        {payments.map(({ id, paidAt, amount, status }) => (
          <li key={id} className="row still">
            <span className="row-main">{paidAt && moment(paidAt)}</span>
            <span className="amount">{amount && money(amount)}</span>
            <Badge tone={status === "DONE" ? "good" : status === "FAILED" || status === "CANCELLED" ? "bad" : "warn"}>
              {words.paymentStatus[status]}
            </Badge>
          </li>
        ))}
      </ul>
    </section>
  );
}
