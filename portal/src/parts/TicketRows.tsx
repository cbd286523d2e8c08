import { Link } from "wouter";
import { to } from "../addresses";
import type { TicketStatus } from "../gql/graphql";
import { moment } from "../formats";
import { texts } from "../texts";
import { Badge } from "./Badge";

interface Row {
  id: string;
  name?: string | null;
  status: TicketStatus;
  createdAt?: string | null;
}

const ENDED = new Set<TicketStatus>(["RESOLVED", "CLOSED", "CANCELLED", "REJECTED"]);

export function TicketStatusBadge({ status }: { status: TicketStatus }) {
  return <Badge tone={ENDED.has(status) ? "plain" : status === "PENDING" ? "warn" : "good"}>{texts.tickets.status[status]}</Badge>;
}

export function TicketRows({ tickets }: { tickets: Row[] }) {
  return (
    <ul className="rows">
      {tickets.map(({ id, name, status, createdAt }) => (
        <li key={id}>
          <Link href={to.ticket(id)} className="row">
            <span className="row-main">
              <strong>{name ?? id}</strong>
              {createdAt && <small>{texts.tickets.opened(moment(createdAt))}</small>}
            </span>
            <TicketStatusBadge status={status} />
          </Link>
        </li>
      ))}
    </ul>
  );
}
