import { Link } from "wouter";
import { BillDetailDocument, type BillDetailQuery } from "../gql/graphql";
import { day, money } from "../formats";
import { useAsked } from "../graph/useAsked";
import { useChanges } from "../live/LiveChanges";
import { Whole } from "../parts/Whole";
import { Page } from "../shell/Page";
import { texts } from "../texts";
import { BillFiles } from "./BillFiles";
import { BillStateBadge } from "./BillRows";
import { Charges } from "./Charges";
import { PayBill } from "./PayBill";
import { Payments } from "./Payments";

export type Bill = NonNullable<BillDetailQuery["bill"]>;

const words = texts.bills;

export function BillPage({ id }: { id: string }) {
  const asked = useAsked(BillDetailDocument, { id });
  const bill = asked.data?.bill;
  useChanges("bills", asked.again);
  return (
    <Page title={bill ? words.bill(bill.number) : words.title} lead={<Link href="/bills">← {words.back}</Link>}>
      <Whole asked={asked} value={bill} path={["bill"]} what={words.what} none={<p>{words.notFound}</p>}>
        {(shown) => (
          <div className="two">
            <div className="stack">
              <Summary bill={shown} />
              <Charges charges={shown.charges} total={shown.amountDue} withoutTax={shown.taxExcluded} />
              <Payments payments={shown.payments} />
            </div>
            <div className="stack">
              <PayBill bill={shown} />
              <BillFiles bill={shown} />
            </div>
          </div>
        )}
      </Whole>
    </Page>
  );
}

function Summary({ bill }: { bill: Bill }) {
  const { period, dueDate, remainingAmount, amountDue } = bill;
  return (
    <section className="card summary" aria-label={words.bill(bill.number)}>
      <dl>
        <div>
          <dt>{words.toPay}</dt>
          <dd className="big">{(remainingAmount ?? amountDue) && money((remainingAmount ?? amountDue) as { amount: string; currency: string })}</dd>
        </div>
        <div>
          <dt>{words.due}</dt>
          <dd>{dueDate && day(dueDate)}</dd>
        </div>
        {period?.start && period.end && (
          <div>
            <dt>{words.columns.date}</dt>
            <dd>{words.period(day(period.start), day(period.end))}</dd>
          </div>
        )}
      </dl>
      <BillStateBadge bill={bill} />
    </section>
  );
}
