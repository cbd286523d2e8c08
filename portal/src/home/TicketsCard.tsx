import { Link } from "wouter";
import { HomeTicketsAgainDocument } from "../gql/graphql";
import { usePart } from "../graph/usePart";
import { useChanges } from "../live/LiveChanges";
import { Card } from "../parts/Card";
import { TicketRows } from "../parts/TicketRows";
import { texts } from "../texts";
import type { HomeProps } from "./me";

const words = texts.home.tickets;

export function TicketsCard({ home, me }: HomeProps) {
  const part = usePart(home, me?.tickets, ["me", "tickets"], HomeTicketsAgainDocument);
  useChanges("tickets", part.again);
  const { nodes = [], totalCount } = me?.tickets ?? {};
  return (
    <Card title={words.title} what={words.what} part={part} action={<Link href="/tickets">{words.all}</Link>}>
      {nodes.length === 0 && <p className="hint">{words.none}</p>}
      <TicketRows tickets={nodes} />
      {totalCount != null && totalCount > nodes.length && <p className="hint">{words.more(totalCount)}</p>}
      <Link href="/tickets/new" className="button">
        {words.new}
      </Link>
    </Card>
  );
}
