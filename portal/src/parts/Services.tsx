import type { HomeServicesFragment } from "../gql/graphql";
import { moment } from "../formats";
import { texts } from "../texts";
import { Badge } from "./Badge";

type Service = NonNullable<HomeServicesFragment["services"]>["nodes"][number];

/** Services with their state, and what is broken below each. */
export function Services({ services }: { services: Service[] }) {
  if (services.length === 0) return <p className="hint">{texts.home.services.none}</p>;
  return (
    <ul className="rows">
      {services.map(({ id, name, state, outages }) => (
        <li key={id} className="row still">
          <span className="row-main">
            <strong>{name ?? id}</strong>
            {outages?.map((outage) => (
              <small key={outage.id} className="warn-text">
                {texts.home.services.outage(outage.name ?? "", outage.startedAt && moment(outage.startedAt))}
              </small>
            ))}
          </span>
          {outages?.length ? (
            <Badge tone="warn">{texts.home.services.broken}</Badge>
          ) : (
            <Badge tone={state === "ACTIVE" ? "good" : "plain"}>{texts.serviceState[state]}</Badge>
          )}
        </li>
      ))}
    </ul>
  );
}
