import { useState } from "react";
import { CloseTicketDocument } from "../gql/graphql";
import { useTell } from "../live/LiveChanges";
import { announce } from "../shell/announce";
import { texts } from "../texts";
import { write } from "../writing/intention";
import { useKeptFocus } from "../writing/useKeptFocus";
import { useWrite } from "../writing/useWrite";
import { mayWrite, WriteStatus } from "../writing/WriteStatus";

const words = texts.tickets;
const closeTicket = write(CloseTicketDocument, "closeTicket");

export function CloseTicket({ ticketId }: { ticketId: string }) {
  const writing = useWrite(closeTicket, `closeTicket ${ticketId}`);
  const [isAsking, setAsking] = useState(false);
  const tell = useTell();
  const section = useKeptFocus<HTMLElement>();

  async function close() {
    if (!(await writing.send({ ticketId }))) return;
    announce(words.closed);
    tell("tickets");
  }

  const isSending = writing.state === "sending";
  return (
    <section ref={section} tabIndex={-1} className="card" aria-label={words.close}>
      <WriteStatus {...writing} goOn={() => void writing.goOn()} />
      {mayWrite(writing.state) && !isAsking && (
        <button type="button" className="button wide" onClick={() => setAsking(true)}>
          {words.close}
        </button>
      )}
      {mayWrite(writing.state) && isAsking && (
        <div role="group" aria-label={words.close} className="confirm">
          <p>{words.closeQuestion}</p>
          <button type="button" className="button primary wide" onClick={() => void close()} aria-disabled={isSending} autoFocus>
            {isSending ? words.closing : words.closeNow}
          </button>
          <button type="button" className="button wide" onClick={() => setAsking(false)}>
            {words.keep}
          </button>
        </div>
      )}
    </section>
  );
}
