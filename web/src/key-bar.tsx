import { useGraphiQL } from "@graphiql/react";
import { operationOf } from "./fetcher";
import { withFreshKeys } from "./writing";

/** Below the editors of a mutation: that it changes data, what its key does, and a new one. */
export function KeyBar() {
  const tab = useGraphiQL(({ tabs, activeTabIndex }) => tabs[activeTabIndex]);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const operation = tab?.query ? operationOf({ query: tab.query, operationName: tab.operationName }) : null;
  if (operation?.operation !== "mutation") return null;
  const renew = () => {
    const renewed = variableEditor && withFreshKeys(variableEditor.getValue());
    if (renewed) variableEditor.setValue(renewed);
  };
  return (
    <section className="gateway-key-bar" aria-label="About this mutation">
      <strong>{operation.name?.value ?? "This mutation"} changes data.</strong>
      <span className="gateway-quiet">
        It is done once for each idempotencyKey. Run it again with the same key to learn what came of it.
      </span>
      <button type="button" onClick={renew} disabled={withFreshKeys(tab?.variables ?? "") === null}>
        New idempotencyKey
      </button>
    </section>
  );
}
