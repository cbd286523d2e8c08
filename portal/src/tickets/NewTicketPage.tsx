import { type FormEvent, useState } from "react";
import { Link, useLocation, useSearchParams } from "wouter";
import { to } from "../addresses";
import { OpenTicketDocument, TicketSubjectsDocument } from "../gql/graphql";
import { moment } from "../formats";
import { useAsked } from "../graph/useAsked";
import { useChanges, useTell } from "../live/LiveChanges";
import { Field } from "../parts/Field";
import { Whole } from "../parts/Whole";
import { Page } from "../shell/Page";
import { announce } from "../shell/announce";
import { texts } from "../texts";
import { write } from "../writing/intention";
import { useWrite } from "../writing/useWrite";
import { mayWrite, WriteStatus } from "../writing/WriteStatus";

const words = texts.tickets.form;
const openTicket = write(OpenTicketDocument, "openTicket");

export function NewTicketPage() {
  const [search] = useSearchParams();
  const [service, setService] = useState(search.get("service") ?? "");
  const writing = useWrite(openTicket, "openTicket");
  const [, go] = useLocation();
  const tell = useTell();

  async function open(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const opened = await writing.send({
      name: String(form.get("name")),
      description: String(form.get("description")),
      serviceIds: service ? [service] : undefined,
    });
    if (!opened) return;
    announce(words.opened);
    tell("tickets");
    go(opened.ticket ? to.ticket(opened.ticket.id) : "/tickets");
  }

  return (
    <Page title={words.title} lead={<Link href="/tickets">← {texts.tickets.back}</Link>}>
      <section className="card narrow" aria-label={words.title}>
        <p>{words.lead}</p>
        <WriteStatus {...writing} goOn={() => void writing.goOn()} />
        <form onSubmit={(event) => void open(event)} hidden={!mayWrite(writing.state)}>
          <Subject chosen={service} choose={setService} />
          <Field label={words.name} name="name" required maxLength={200} userErrors={writing.userErrors} />
          <Field label={words.description} name="description" lines={6} required maxLength={10_000} userErrors={writing.userErrors} />
          <button type="submit" className="button primary" aria-disabled={writing.state === "sending"}>
            {writing.state === "sending" ? words.opening : words.open}
          </button>
        </form>
      </section>
    </Page>
  );
}

/** Which service it is about, and whether we know of a fault there: then nobody needs to write. */
function Subject({ chosen, choose }: { chosen: string; choose(id: string): void }) {
  const asked = useAsked(TicketSubjectsDocument, {});
  useChanges("outages", asked.again);
  return (
    <Whole asked={asked} value={asked.data?.me?.services} path={["me", "services"]} what={words.servicesWhat} lines={1}>
      {({ nodes }) => (
        <div className="field">
          <label htmlFor="ticket-service">{words.service}</label>
          <select id="ticket-service" value={chosen} onChange={(event) => choose(event.currentTarget.value)}>
            <option value="">{words.none}</option>
            {nodes.map(({ id, name }) => (
              <option key={id} value={id}>
                {name ?? id}
              </option>
            ))}
          </select>
          {nodes
            .find(({ id }) => id === chosen)
            ?.outages?.map((outage) => (
              <p key={outage.id} className="notice notice-warn">
                {words.outage(outage.name ?? "", outage.startedAt ? moment(outage.startedAt) : null)}
              </p>
            ))}
        </div>
      )}
    </Whole>
  );
}
