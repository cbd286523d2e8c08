import { type FormEvent, useState } from "react";
import { ContactDocument, type ContactQuery, UpdateContactDocument, type UpdateContactInput } from "../gql/graphql";
import { useAsked } from "../graph/useAsked";
import { Field } from "../parts/Field";
import { Whole } from "../parts/Whole";
import { Page } from "../shell/Page";
import { texts } from "../texts";
import { write } from "../writing/intention";
import { useKeptFocus } from "../writing/useKeptFocus";
import { useWrite } from "../writing/useWrite";
import { mayWrite, WriteStatus } from "../writing/WriteStatus";

const words = texts.contact;
const updateContact = write(UpdateContactDocument, "updateContact");
type Changes = Omit<UpdateContactInput, "idempotencyKey">;

export function ContactPage() {
  const asked = useAsked(ContactDocument, {});
  const me = asked.data?.me;
  // Without the CRM there is a customer, from the token, and nothing about it.
  const isKnown = me && !asked.report?.failures.some(({ path }) => path[0] === "me");
  return (
    <Page title={words.title} lead={words.lead}>
      <section className="card narrow" aria-label={words.title}>
        <Whole asked={asked} value={isKnown ? me : null} path={["me"]} what={words.what} lines={3}>
          {(shown) => <Contact me={shown} />}
        </Whole>
      </section>
    </Page>
  );
}

function Contact({ me }: { me: NonNullable<ContactQuery["me"]> }) {
  const [isChanging, setChanging] = useState(false);
  const writing = useWrite(updateContact, "updateContact");
  const around = useKeptFocus<HTMLDivElement>();

  async function save(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const changes: Changes = {};
    for (const name of ["email", "phone"] as const) {
      const value = String(form.get(name)).trim();
      // What the person did not touch is left out: null would remove it.
      if (value !== (me[name] ?? "")) changes[name] = value || null;
    }
    if (Object.keys(changes).length === 0) return setChanging(false);
    if (await writing.send(changes)) setChanging(false);
  }

  return (
    <div ref={around} tabIndex={-1}>
      {writing.state === "done" && !isChanging && (
        <p className="notice notice-good" role="status">
          {words.saved}
        </p>
      )}
      <WriteStatus {...writing} goOn={() => void writing.goOn()} />
      {!isChanging || !mayWrite(writing.state) ? (
        <>
          <dl className="facts">
            <div>
              <dt>{words.email}</dt>
              <dd>{me.email ?? words.none}</dd>
            </div>
            <div>
              <dt>{words.phone}</dt>
              <dd>{me.phone ?? words.none}</dd>
            </div>
          </dl>
          {mayWrite(writing.state) && (
            <button type="button" className="button" onClick={() => setChanging(true)}>
              {words.change}
            </button>
          )}
        </>
      ) : (
        <form onSubmit={(event) => void save(event)}>
          <Field label={words.email} name="email" type="email" autoComplete="email" defaultValue={me.email ?? ""} userErrors={writing.userErrors} autoFocus />
          <Field label={words.phone} name="phone" type="tel" autoComplete="tel" defaultValue={me.phone ?? ""} userErrors={writing.userErrors} />
          <div className="buttons">
            <button type="submit" className="button primary" aria-disabled={writing.state === "sending"}>
              {writing.state === "sending" ? words.saving : words.save}
            </button>
            <button type="button" className="button" onClick={() => setChanging(false)}>
              {words.cancel}
            </button>
          </div>
        </form>
      )}
    </div>
  );
}
