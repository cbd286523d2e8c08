import { useState } from "react";
import { Link } from "wouter";
import { TicketsDocument } from "../gql/graphql";
import { useAsked } from "../graph/useAsked";
import { useChanges } from "../live/LiveChanges";
import { Filter } from "../parts/Filter";
import { TicketRows } from "../parts/TicketRows";
import { Whole } from "../parts/Whole";
import { Page } from "../shell/Page";
import { texts } from "../texts";

const words = texts.tickets;
const OPEN = { OPEN: true, ENDED: false, ALL: null };

export function TicketsPage() {
  const [filter, setFilter] = useState<keyof typeof OPEN>("OPEN");
  return (
    <Page title={words.title}>
      <div className="bar-of-tools">
        <Filter label={texts.bills.filter} options={words.filters} value={filter} choose={setFilter} />
        <Link href="/tickets/new" className="button primary">
          {words.new}
        </Link>
      </div>
      <section className="card" aria-label={words.filters[filter]}>
        <Pages key={filter} open={OPEN[filter]} />
      </section>
    </Page>
  );
}

/** Each page asks for itself, with the cursor of the one before. */
function Pages({ open }: { open: boolean | null }) {
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  return cursors.map((after, at) => (
    <TicketList
      key={after}
      after={after}
      open={open}
      isLast={at === cursors.length - 1}
      more={(cursor) => setCursors([...cursors, cursor])}
    />
  ));
}

function TicketList({ after, open, isLast, more }: { after: string | null; open: boolean | null; isLast: boolean; more(cursor: string): void }) {
  const asked = useAsked(TicketsDocument, { after, open });
  useChanges("tickets", asked.again);
  return (
    <Whole asked={asked} value={asked.data?.me?.tickets} path={["me", "tickets"]} what={words.what}>
      {({ nodes, pageInfo }) => (
        <>
          {nodes.length === 0 && <p className="hint">{words.none}</p>}
          <TicketRows tickets={nodes} />
          {isLast && pageInfo.hasNextPage && (
            <button type="button" className="button" onClick={() => pageInfo.endCursor && more(pageInfo.endCursor)}>
              {texts.parts.more}
            </button>
          )}
        </>
      )}
    </Whole>
  );
}
