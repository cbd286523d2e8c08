import { Link } from "wouter";
import { CustomerPageDocument, type CustomerPageQuery } from "../gql/graphql";
import { useAsked } from "../graph/useAsked";
import { useChanges } from "../live/LiveChanges";
import { Accounts } from "../parts/Accounts";
import { Services } from "../parts/Services";
import { TicketRows } from "../parts/TicketRows";
import { Usage } from "../parts/Usage";
import { Whole } from "../parts/Whole";
import { Page } from "../shell/Page";
import { texts } from "../texts";

type Customer = NonNullable<CustomerPageQuery["customer"]>;
type Asked = ReturnType<typeof useAsked<CustomerPageQuery, { id: string }>>;

const words = texts.desk.customer;

/** A customer as the desk sees it: each part stands for itself, as on the customer's own home. */
export function CustomerPage({ id }: { id: string }) {
  const asked = useAsked(CustomerPageDocument, { id });
  const customer = asked.data?.customer;
  useChanges("tickets", asked.again);
  useChanges("outages", asked.again);
  return (
    <Page title={customer?.name ?? id.split(":")[1] ?? id} lead={<Link href="/customers">← {words.back}</Link>}>
      <Whole asked={asked} value={customer} path={["customer"]} what={words.what} none={<p>{words.notFound}</p>} isOfParts>
        {(shown) => <Parts asked={asked} customer={shown} />}
      </Whole>
    </Page>
  );
}

function Parts({ asked, customer }: { asked: Asked; customer: Customer }) {
  const { accounts, services, usage, tickets } = customer;
  return (
    <div className="two">
      <div className="stack">
        <section className="card">
          <h2>{words.accounts}</h2>
          <Whole asked={asked} value={accounts} path={["customer", "accounts"]} what={words.bills} lines={3}>
            {(shown) => <Accounts accounts={shown} />}
          </Whole>
        </section>
        <section className="card">
          <h2>{words.services}</h2>
          <Whole asked={asked} value={services} path={["customer", "services"]} what={words.servicesWhat} lines={3}>
            {({ nodes }) => <Services services={nodes} />}
          </Whole>
        </section>
        <section className="card">
          <h2>{words.tickets}</h2>
          <Whole asked={asked} value={tickets} path={["customer", "tickets"]} what={words.ticketsWhat} lines={3}>
            {({ nodes }) => (nodes.length === 0 ? <p className="hint">{texts.tickets.none}</p> : <TicketRows tickets={nodes} />)}
          </Whole>
        </section>
      </div>
      <div className="stack">
        <Contact customer={customer} />
        <section className="card">
          <h2>{words.usage}</h2>
          <Whole asked={asked} value={usage} path={["customer", "usage"]} what={words.usageWhat} lines={3}>
            {(shown) => <Usage allowances={shown} />}
          </Whole>
        </section>
      </div>
    </div>
  );
}

function Contact({ customer }: { customer: Customer }) {
  const { id, email, phone, status } = customer;
  const facts = [
    [words.number, id.split(":")[1]],
    [words.status, status && texts.desk.status[status]],
    [texts.contact.email, email],
    [texts.contact.phone, phone],
  ];
  return (
    <section className="card">
      <h2>{words.contact}</h2>
      <dl className="facts">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value ?? texts.contact.none}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
