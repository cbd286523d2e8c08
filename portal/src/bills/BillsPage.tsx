import { useState } from "react";
import { type BillFilter, BillsDocument } from "../gql/graphql";
import { useAsked } from "../graph/useAsked";
import { Filter } from "../parts/Filter";
import { Whole } from "../parts/Whole";
import { Page } from "../shell/Page";
import { texts } from "../texts";
import { BillRows } from "./BillRows";

const words = texts.bills;

export function BillsPage() {
  const [filter, setFilter] = useState<keyof typeof words.filters>("ALL");
  return (
    <Page title={words.title}>
      <Filter label={words.filter} options={words.filters} value={filter} choose={setFilter} />
      <section className="card" aria-label={words.filters[filter]}>
        <Pages key={filter} state={filter === "ALL" ? null : filter} />
      </section>
    </Page>
  );
}

/** Each page asks for itself, with the cursor of the one before. */
function Pages({ state }: { state: BillFilter | null }) {
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  return cursors.map((after, at) => (
    <BillList
      key={after}
      after={after}
      state={state}
      isLast={at === cursors.length - 1}
      more={(cursor) => setCursors([...cursors, cursor])}
    />
  ));
}

interface Props {
  after: string | null;
  state: BillFilter | null;
  isLast: boolean;
  more(cursor: string): void;
}

function BillList({ after, state, isLast, more }: Props) {
  const asked = useAsked(BillsDocument, { after, state });
  return (
    <Whole asked={asked} value={asked.data?.me?.bills} path={["me", "bills"]} what={words.what} none={<p className="hint">{words.none}</p>}>
      {({ nodes, pageInfo }) => (
        <>
          {nodes.length === 0 && <p className="hint">{words.none}</p>}
          <BillRows bills={nodes} />
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
