import { type FormEvent, useRef } from "react";
import { AddTicketNoteDocument } from "../gql/graphql";
import { Field } from "../parts/Field";
import { announce } from "../shell/announce";
import { useKind } from "../shell/useKind";
import { texts } from "../texts";
import { write } from "../writing/intention";
import { useWrite } from "../writing/useWrite";
import { mayWrite, WriteStatus } from "../writing/WriteStatus";

const words = texts.tickets;
const addTicketNote = write(AddTicketNoteDocument, "addTicketNote");

export function WriteNote({ ticketId }: { ticketId: string }) {
  const isDesk = useKind() === "desk";
  const heading = isDesk ? words.answer : words.write;
  const writing = useWrite(addTicketNote, `addTicketNote ${ticketId}`);
  const formElement = useRef<HTMLFormElement>(null);

  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const internal = form.has("internal") || undefined;
    if (await writing.send({ ticketId, text: String(form.get("text")), internal })) {
      announce(words.sent);
      formElement.current?.reset();
    }
  }

  return (
    <section className="card">
      <h2>{heading}</h2>
      <WriteStatus {...writing} goOn={() => void writing.goOn()} />
      <form ref={formElement} onSubmit={(event) => void send(event)} hidden={!mayWrite(writing.state)}>
        <Field label={heading} isLabelled name="text" lines={4} required maxLength={10_000} userErrors={writing.userErrors} />
        {isDesk && (
          <label className="check">
            <input type="checkbox" name="internal" /> {words.makeInternal}
          </label>
        )}
        <button type="submit" className="button primary" aria-disabled={writing.state === "sending"}>
          {writing.state === "sending" ? words.sending : words.send}
        </button>
      </form>
    </section>
  );
}
