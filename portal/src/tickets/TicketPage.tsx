import { Link } from "wouter";
import { to } from "../addresses";
import { TicketThreadDocument, type TicketThreadQuery } from "../gql/graphql";
import { moment } from "../formats";
import { useAsked } from "../graph/useAsked";
import { useChanges } from "../live/LiveChanges";
import { TicketStatusBadge } from "../parts/TicketRows";
import { Whole } from "../parts/Whole";
import { Page } from "../shell/Page";
import { useKind } from "../shell/useKind";
import { texts } from "../texts";
import { CloseTicket } from "./CloseTicket";
import { Notes } from "./Notes";
import { WriteNote } from "./WriteNote";

export type Ticket = NonNullable<TicketThreadQuery["ticket"]>;

const words = texts.tickets;

export function TicketPage({ id }: { id: string }) {
  const asked = useAsked(TicketThreadDocument, { id });
  const ticket = asked.data?.ticket;
  useChanges("tickets", asked.again);
  return (
    <Page title={ticket?.name ?? words.title} lead={<Back customer={ticket?.customer?.id} />}>
      <Whole asked={asked} value={ticket} path={["ticket"]} what={words.what} none={<p>{words.notFound}</p>}>
        {(shown) => (
          <div className="two">
            <div className="stack">
              <Notes notes={shown.notes} />
              {shown.isOpen && <WriteNote ticketId={shown.id} />}
            </div>
            <div className="stack">
              <Facts ticket={shown} />
              {shown.isOpen && <CloseTicket ticketId={shown.id} />}
            </div>
          </div>
        )}
      </Whole>
    </Page>
  );
}

/** To where the person came from: a customer has a list of cases, the desk has customers. */
function Back({ customer }: { customer: string | undefined }) {
  const kind = useKind();
  if (kind === "desk") return customer ? <Link href={to.customer(customer)}>← {words.backToCustomer}</Link> : null;
  return <Link href="/tickets">← {words.back}</Link>;
}

function Facts({ ticket }: { ticket: Ticket }) {
  const { status, description, createdAt, updatedAt, expectedResolutionAt, services, isOpen } = ticket;
  return (
    <section className="card" aria-label={words.about}>
      <TicketStatusBadge status={status} />
      {description && <p className="note-text">{description}</p>}
      {services?.map((service) => (
        <p key={service.id}>
          <strong>{service.name}</strong>
        </p>
      ))}
      <p className="hint">
        {[createdAt && words.opened(moment(createdAt)), updatedAt && words.updated(moment(updatedAt))].filter(Boolean).join(" · ")}
      </p>
      {isOpen && expectedResolutionAt && (
        <p className="hint">{(new Date(expectedResolutionAt) < new Date() ? words.overdue : words.expected)(moment(expectedResolutionAt))}</p>
      )}
    </section>
  );
}
