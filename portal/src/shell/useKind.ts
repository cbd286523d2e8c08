import { useQuery } from "urql";
import { useLocation } from "wouter";
import { WhoDocument } from "../gql/graphql";

/** Whether the person is a customer or works at the desk; null until it is known. The home's own request says it, too. */
export function useKind(): "customer" | "desk" | null {
  const [path] = useLocation();
  const [{ data }] = useQuery({
    query: WhoDocument,
    variables: {},
    requestPolicy: path === "/" ? "cache-only" : "cache-first",
  });
  return data ? (data.viewer.kind === "CUSTOMER" ? "customer" : "desk") : null;
}
