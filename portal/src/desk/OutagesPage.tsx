import { useState } from "react";
import { Link } from "wouter";
import { to } from "../addresses";
import { OutageImpactDocument, type OutageImpactQuery } from "../gql/graphql";
import { moment } from "../formats";
import { useAsked } from "../graph/useAsked";
import { useChanges } from "../live/LiveChanges";
import { Badge } from "../parts/Badge";
import { Whole } from "../parts/Whole";
import { Page } from "../shell/Page";
import { texts } from "../texts";

const words = texts.desk.outages;
type Outage = NonNullable<OutageImpactQuery["outages"]>["nodes"][number];

export function OutagesPage() {
  const asked = useAsked(OutageImpactDocument, {});
  useChanges("outages", asked.again);
  return (
    <Page title={words.title} lead={words.lead}>
      <Whole asked={asked} value={asked.data?.outages?.nodes} path={["outages"]} what={words.what}>
        {(outages) => (
          <div className="stack">
            {outages.length === 0 && <p>{words.none}</p>}
            {outages.map((outage) => (
              <Impact key={outage.id} outage={outage} />
            ))}
          </div>
        )}
      </Whole>
    </Page>
  );
}

const SHOWN = 6;

/** Whom to call: each customer once, those first who have an open case, with what does not work. */
function Impact({ outage }: { outage: Outage }) {
  const { name, startedAt, affectedServices, affectedResources } = outage;
  const [isWhole, setWhole] = useState(false);
  const services = affectedServices?.nodes ?? [];
  const byId = new Map(services.flatMap(({ customer }) => (customer ? [[customer.id, customer]] : [])));
  const customers = [...byId.values()].sort((a, b) => Number(hasCase(b)) - Number(hasCase(a)));
  return (
    <section className="card" aria-label={name ?? outage.id}>
      <div className="card-head">
        <h2>{name}</h2>
        <Badge tone="warn">{words.affected(affectedServices?.totalCount)}</Badge>
      </div>
      <p className="hint">
        {[startedAt && words.since(moment(startedAt)), affectedResources?.nodes.map((one) => one.name).join(", ")]
          .filter(Boolean)
          .join(" · ")}
      </p>
      <h3>{words.call}</h3>
      <ul className="rows">
        {customers.slice(0, isWhole ? undefined : SHOWN).map((customer) => (
          <li key={customer.id} className="row still">
            <span className="row-main">
              <Link href={to.customer(customer.id)}>{customer.name ?? customer.id}</Link>
              <small>
                {services
                  .filter((service) => service.customer?.id === customer.id)
                  .map((service) => service.name)
                  .join(", ")}
              </small>
            </span>
            {hasCase(customer) && <Badge tone="warn">{words.hasCase}</Badge>}
            {customer.phone && <a href={`tel:${customer.phone.replace(/[^+\d]/g, "")}`}>{customer.phone}</a>}
          </li>
        ))}
      </ul>
      {!isWhole && customers.length > SHOWN && (
        <button type="button" className="button" onClick={() => setWhole(true)}>
          {words.all(customers.length)}
        </button>
      )}
    </section>
  );
}

type Customer = NonNullable<NonNullable<Outage["affectedServices"]>["nodes"][number]["customer"]>;

function hasCase({ tickets }: Customer): boolean {
  return (tickets?.nodes.length ?? 0) > 0;
}
