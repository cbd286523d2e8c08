import { Link } from "wouter";
import { to } from "../addresses";
import { BillDetailDocument, type BillDetailQuery } from "../gql/graphql";
import { day, money } from "../formats";
import { useAsked } from "../graph/useAsked";
import { useChanges } from "../live/LiveChanges";
import { Whole } from "../parts/Whole";
import { Page } from "../shell/Page";
import { useKind } from "../shell/useKind";
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
  const isDesk = useKind() === "desk";
  useChanges("bills", asked.again);
  return (
    <Page title={bill ? words.bill(bill.number) : words.title} lead={<Back customer={bill?.account?.customer?.id} isDesk={isDesk} />}>
      <Whole asked={asked} value={bill} path={["bill"]} what={words.what} none={<p>{words.notFound}</p>}>
        {(shown) => (
          <div className="two">
            <div className="stack">
              <Summary bill={shown} />
              <Charges charges={shown.charges} total={shown.amountDue} withoutTax={shown.taxExcluded} />
              <Payments payments={shown.payments} />
            </div>
            <div className="stack">
              {!isDesk && <PayBill bill={shown} />}
              <BillFiles bill={shown} />
            </div>
          </div>
        )}
      </Whole>
    </Page>
  );
}

function Back({ customer, isDesk }: { customer: string | undefined; isDesk: boolean }) {
  if (isDesk) return customer ? <Link href={to.customer(customer)}>← {texts.tickets.backToCustomer}</Link> : null;
  return <Link href="/bills">← {words.back}</Link>;
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
            <dt>{words.periodOf}</dt>
            <dd>{words.period(day(period.start), day(period.end))}</dd>
          </div>
        )}
      </dl>
      <BillStateBadge bill={bill} />
    </section>
  );
}
