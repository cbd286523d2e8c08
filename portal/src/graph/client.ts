/** One client for each person: it is thrown away, with all it has cached, when the person changes. */
import { Client, fetchExchange, makeOperation, mapExchange, subscriptionExchange } from "@urql/core";
import { config } from "../config";
import { type Live, liveConnection } from "../live/connection";
import { cache } from "./cache";
import { Reports } from "./reports";

/** Who asks: the token is asked for each time, because it is renewed before it ends. */
export interface Bearer {
  token(): string;
  /** Called when the gateway does not accept the token (any more). */
  refused(): void;
}

export interface Graph {
  client: Client;
  reports: Reports;
  live: Live;
  close(): void;
}

/** Seconds after which the gateway is to answer with what is there; what lacks then is asked for again, alone. */
export const HASTE = { deadline: 1.5 };

export function graphFor(bearer: Bearer): Graph {
  const reports = new Reports();
  const live = liveConnection(bearer);
  const client = new Client({
    url: config.endpoint,
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
    exchanges: [
      cache(),
      mapExchange({
        onOperation(operation) {
          if (operation.kind === "teardown") return operation;
          const requestId = crypto.randomUUID();
          const headers: Record<string, string> = {
            Authorization: `Bearer ${bearer.token()}`,
            "X-Request-Id": requestId,
          };
          const { deadline } = operation.context as { deadline?: number };
          if (deadline) headers["X-Gateway-Deadline"] = String(deadline);
          return makeOperation(operation.kind, operation, { ...operation.context, requestId, fetchOptions: { headers } });
        },
        onResult(result) {
          if (result.operation.kind === "query") reports.note(result);
          if (result.error?.graphQLErrors.some(({ extensions }) => extensions.code === "UNAUTHENTICATED")) bearer.refused();
        },
      }),
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = "", variables }) => ({
          subscribe: (sink) => ({ unsubscribe: live.client.subscribe({ query, variables }, sink) }),
        }),
      }),
    ],
  });
  return { client, reports, live, close: () => void live.client.dispose() };
}
