import { type FormEvent, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { to } from "../addresses";
import { AgentSearchDocument } from "../gql/graphql";
import { money } from "../formats";
import { useAsked } from "../graph/useAsked";
import { Badge } from "../parts/Badge";
import { Field } from "../parts/Field";
import { Whole } from "../parts/Whole";
import { Page } from "../shell/Page";
import { texts } from "../texts";

const words = texts.desk.search;

/** What is searched for stands in the address: so it can be come back to. */
export function SearchPage() {
  const [search, setSearch] = useSearchParams();
  const text = search.get("text") ?? "";

  function find(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    setSearch({ text: String(new FormData(event.currentTarget).get("text")).trim() });
  }

  return (
    <Page title={words.title} lead={words.lead}>
      <form role="search" className="search" onSubmit={find}>
        <Field label={words.label} name="text" type="search" defaultValue={text} required autoComplete="off" />
        <button type="submit" className="button primary">
          {words.button}
        </button>
      </form>
      {text && (
        <section className="card" aria-label={words.title}>
          <Found key={text} text={text} />
        </section>
      )}
    </Page>
  );
}

/** Each page asks for itself, with the cursor of the one before. */
function Found({ text }: { text: string }) {
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  return cursors.map((after, at) => (
    <Customers
      key={after}
      text={text}
      after={after}
      isLast={at === cursors.length - 1}
      more={(cursor) => setCursors([...cursors, cursor])}
    />
  ));
}

interface Props {
  text: string;
  after: string | null;
  isLast: boolean;
  more(cursor: string): void;
}

function Customers({ text, after, isLast, more }: Props) {
  const asked = useAsked(AgentSearchDocument, { text, after });
  return (
    <Whole asked={asked} value={asked.data?.customers} path={["customers"]} what={words.what}>
      {({ nodes, totalCount, pageInfo }) => (
        <>
          {after === null && (
            <p className="hint" role="status">
              {nodes.length === 0 ? words.none : words.count(totalCount ?? nodes.length)}
            </p>
          )}
          <ul className="rows">
            {nodes.map(({ id, name, status, email, phone, accounts }) => (
              <li key={id}>
                <Link href={to.customer(id)} className="row crowded">
                  <span className="row-main">
                    <strong>{name ?? id}</strong>
                    <small>{[id.split(":")[1], email, phone].filter(Boolean).join(" · ")}</small>
                  </span>
                  <span className="amount">
                    {accounts?.map(({ balance }) => balance && money(balance)).filter(Boolean).join(" + ")}
                  </span>
                  <Badge tone={status === "ACTIVE" ? "good" : status === "SUSPENDED" ? "warn" : "plain"}>
                    {texts.desk.status[status ?? "UNKNOWN"]}
                  </Badge>
                </Link>
              </li>
            ))}
          </ul>
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
