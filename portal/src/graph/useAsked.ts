/** Asks a query, and says what its last answer said beside the data. */
import { type AnyVariables, createRequest, type TypedDocumentNode } from "@urql/core";
import { useMemo, useSyncExternalStore } from "react";
import { useQuery } from "urql";
import { useGraph } from "./context";
import type { Report } from "./reports";

export interface Asked<Data> {
  data: Data | undefined;
  /** Undefined until the first answer has come. */
  report: Report | undefined;
  asking: boolean;
  again(): void;
}

interface Options {
  /** Seconds after which the answer is to come with what is there. */
  deadline?: number;
  pause?: boolean;
}

export function useAsked<Data, Variables extends AnyVariables>(
  query: TypedDocumentNode<Data, Variables>,
  variables: Variables,
  { deadline, pause = false }: Options = {},
): Asked<Data> {
  const { reports } = useGraph();
  const context = useMemo(() => ({ deadline }), [deadline]);
  const [{ data, fetching, stale }, ask] = useQuery({ query, variables, context, pause });
  const { key } = createRequest(query, variables);
  const report = useSyncExternalStore(reports.subscribe, () => reports.of(key));
  return { data, report, asking: fetching || stale, again: () => ask({ requestPolicy: "network-only" }) };
}
