/** Pays a bill: amount, then confirmation, then one payment, whatever becomes of the answers. */
import { useState } from "react";
import { PayBillDocument } from "../gql/graphql";
import { amountPattern, money } from "../formats";
import { useTell } from "../live/LiveChanges";
import { Field } from "../parts/Field";
import { texts } from "../texts";
import { write } from "../writing/intention";
import { useKeptFocus } from "../writing/useKeptFocus";
import { useWrite } from "../writing/useWrite";
import { mayWrite, WriteStatus } from "../writing/WriteStatus";
import type { Bill } from "./BillPage";
import { paymentMethodToken } from "./paymentMethod";

const words = texts.pay;

const payBill = write(PayBillDocument, "payBill");

export function PayBill({ bill }: { bill: Bill }) {
  const open = bill.remainingAmount ?? bill.amountDue;
  const paying = useWrite(payBill, `payBill ${bill.id}`);
  const [amount, setAmount] = useState(open?.amount ?? "");
  const [isConfirming, setConfirming] = useState(false);
  const tell = useTell();
  const section = useKeptFocus<HTMLElement>();
  const { state, payload } = paying;
  if (!open || (!bill.isOpen && state === "idle")) return null;
  const chosen = { amount: amount.trim().replace(",", "."), currency: open.currency };

  async function pay() {
    const paid = await paying.send({ billId: bill.id, amount: chosen, paymentMethodToken: paymentMethodToken() });
    setConfirming(false);
    if (paid) tell("bills");
  }

  return (
    <section ref={section} tabIndex={-1} className="card pay" aria-labelledby="pay-heading">
      <h2 id="pay-heading">{words.title}</h2>
      {state === "done" && (
        <p className="notice notice-good" role="status">
          {payload?.payment?.status === "DONE" ? words.done(money(payload.payment.amount ?? chosen)) : words.underWay(money(payload?.payment?.amount ?? chosen))}
        </p>
      )}
      <WriteStatus {...paying} words={words} />
      {state !== "done" && mayWrite(state) && state !== "sending" && !isConfirming && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            setConfirming(true);
          }}
        >
          <Field
            label={`${words.amount} (${open.currency})`}
            hint={words.hint(money(open))}
            name="amount"
            value={amount}
            onChange={(event) => setAmount(event.currentTarget.value)}
            inputMode="decimal"
            autoComplete="off"
            pattern={amountPattern(open.currency)}
            title={words.amountFormat(money(open))}
            required
            userErrors={paying.userErrors}
          />
          <button type="submit" className="button primary wide">
            {words.next}
          </button>
        </form>
      )}
      {(isConfirming || state === "sending") && mayWrite(state) && (
        <div className="confirm" role="group" aria-label={words.title}>
          <p>{words.confirm(money(chosen), texts.bills.bill(bill.number))}</p>
          <button type="button" className="button primary wide" onClick={() => void pay()} aria-disabled={state === "sending"} autoFocus>
            {state === "sending" ? words.paying : words.now(money(chosen))}
          </button>
          {state !== "sending" && (
            <button type="button" className="button wide" onClick={() => setConfirming(false)}>
              {words.change}
            </button>
          )}
        </div>
      )}
    </section>
  );
}
