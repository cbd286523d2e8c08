/** The person's graph, for components. */
import { createContext, type ReactNode, useContext } from "react";
import { Provider } from "urql";
import type { Graph } from "./client";

const Context = createContext<Graph | null>(null);

export function GraphProvider({ graph, children }: { graph: Graph; children: ReactNode }) {
  return (
    <Context value={graph}>
      <Provider value={graph.client}>{children}</Provider>
    </Context>
  );
}

export function useGraph(): Graph {
  const graph = useContext(Context);
  if (!graph) throw new Error("Nobody is signed in: there is no graph to ask");
  return graph;
}
