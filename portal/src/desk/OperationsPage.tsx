import { OpsDashboardDocument, SystemStatusDocument, type SystemStatusQuery } from "../gql/graphql";
import { useAsked } from "../graph/useAsked";
import { Badge } from "../parts/Badge";
import { Plot } from "../parts/Plot";
import { Whole } from "../parts/Whole";
import { Page } from "../shell/Page";
import { texts } from "../texts";
import { type Customers, openByMonth, ticketsByDay, totals } from "./counting";

const words = texts.desk.operations;
const FIRST = 50;

export function OperationsPage() {
  const asked = useAsked(OpsDashboardDocument, { first: FIRST });
  const status = useAsked(SystemStatusDocument, {});
  const customers = asked.data?.customers;
  return (
    <Page title={words.title} lead={words.lead(customers?.nodes.length ?? FIRST)}>
      <Whole asked={status} value={status.data?.systems} path={["systems"]} what={words.systemsWhat} lines={1}>
        {(shown) => <Systems systems={shown} />}
      </Whole>
      <Whole asked={asked} value={customers?.nodes} path={["customers"]} what={words.what} lines={8}>
        {(shown) => <Overview customers={shown} />}
      </Whole>
    </Page>
  );
}

function Overview({ customers }: { customers: Customers }) {
  const { open, overdue, tickets } = totals(customers);
  const figures = [
    [words.open, open ?? "–"],
    [words.overdue, overdue ?? "–"],
    [words.tickets, String(tickets)],
  ];
  return (
    <>
      <dl className="figures">
        {figures.map(([name, value]) => (
          <div key={name} className="card">
            <dt>{name}</dt>
            <dd className="big">{value}</dd>
          </div>
        ))}
      </dl>
      <div className="plots">
        <Plot title={words.openByMonth} points={openByMonth(customers)} of={words.month} unit={words.amount} />
        <Plot title={words.ticketsByDay} points={ticketsByDay(customers)} of={words.day} unit={words.count} />
      </div>
    </>
  );
}

function Systems({ systems }: { systems: NonNullable<SystemStatusQuery["systems"]> }) {
  return (
    <ul className="systems" aria-label={words.systems}>
      {systems.map(({ id, name, domain, status }) => (
        <li key={id}>
          {texts.demo.systems[domain] ?? name}{" "}
          <Badge tone={status === "UP" ? "good" : status === "DOWN" ? "bad" : "plain"}>
            {status === "UP" ? words.systemUp : status === "DOWN" ? words.systemDown : words.systemUnknown}
          </Badge>
        </li>
      ))}
    </ul>
  );
}
