import { type FormEvent, useRef } from "react";
import { AddTicketNoteDocument } from "../gql/graphql";
import { Field } from "../parts/Field";
import { announce } from "../shell/announce";
import { texts } from "../texts";
import { write } from "../writing/intention";
import { useWrite } from "../writing/useWrite";
import { mayWrite, WriteStatus } from "../writing/WriteStatus";

const words = texts.tickets;
const addTicketNote = write(AddTicketNoteDocument, "addTicketNote");

export function WriteNote({ ticketId }: { ticketId: string }) {
  const writing = useWrite(addTicketNote, `addTicketNote ${ticketId}`);
  const form = useRef<HTMLFormElement>(null);

  async function send(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get("text"));
    if (await writing.send({ ticketId, text })) {
      announce(words.sent);
      form.current?.reset();
    }
  }

  return (
    <section className="card">
      <h2>{words.write}</h2>
      <WriteStatus {...writing} goOn={() => void writing.goOn()} />
      <form ref={form} onSubmit={(event) => void send(event)} hidden={!mayWrite(writing.state)}>
        <Field label={words.write} isLabelled name="text" lines={4} required maxLength={10_000} userErrors={writing.userErrors} />
        <button type="submit" className="button primary" aria-disabled={writing.state === "sending"}>
          {writing.state === "sending" ? words.sending : words.send}
        </button>
      </form>
    </section>
  );
}
