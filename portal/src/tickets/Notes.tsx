import { moment } from "../formats";
import { Badge } from "../parts/Badge";
import { texts } from "../texts";
import type { Ticket } from "./TicketPage";

const words = texts.tickets;

/** The conversation. What comes by itself is announced. */
export function Notes({ notes }: { notes: Ticket["notes"] }) {
  return (
    <section className="card">
      <h2>{words.thread}</h2>
      {notes.length === 0 && <p className="hint">{words.noNotes}</p>}
      <ol className="notes" aria-live="polite" aria-label={words.thread}>
        {notes.map(({ id, author, text, createdAt, internal }) => (
          <li key={id} className={internal ? "internal" : ""}>
            <p className="note-head">
              <strong>{author}</strong> {internal && <Badge>{words.internal}</Badge>}
              {createdAt && <time dateTime={createdAt}>{moment(createdAt)}</time>}
            </p>
            <p className="note-text">{text}</p>
          </li>
        ))}
      </ol>
    </section>
  );
}
