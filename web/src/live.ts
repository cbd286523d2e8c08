/** Follows one subscription, over the transport that the visitor chose. It never reconnects: a page for trying out shows the end. */
import { createClient as createSseClient, NetworkError } from "graphql-sse";
import { createClient as createWebSocketClient } from "graphql-ws";
import { config } from "./config";
import type { GraphQLAnswer, GraphQLRequest } from "./fetcher";
import { closedWords, refusedWords } from "./live-words";

export const transports = { websocket: "WebSocket", sse: "SSE" } as const;
export type Transport = keyof typeof transports;

export interface Listener {
  connected(): void;
  message(answer: GraphQLAnswer): void;
  /** Once, unless it was stopped from here: why nothing more comes, in words for the visitor. */
  ended(words: string): void;
}

/** What comes as headers with a request, made ready for both transports; WebSockets of browsers cannot send headers. */
interface Caller {
  token: string;
  extraHeaders: Record<string, string>;
}

/** Begins to follow; what it returns stops it. */
export function follow(request: GraphQLRequest, transport: Transport, caller: Caller, listener: Listener): () => void {
  let over = false;
  const once = (words: string) => {
    if (!over) listener.ended(words);
    over = true;
  };
  const client = transport === "sse" ? sseClient(caller, listener) : webSocketClient(caller, listener);
  const { query, operationName } = request;
  const variables = (request.variables ?? {}) as Record<string, unknown>;
  const unsubscribe = client.subscribe({ query, operationName: operationName ?? undefined, variables }, {
    next: (answer) => {
      if (!over) listener.message(answer as GraphQLAnswer);
    },
    error: (reason) => void endingOf(reason).then(once),
    complete: () => once("The gateway ended the subscription. Run it again to go on."),
  });
  return () => {
    over = true;
    unsubscribe();
    client.dispose();
  };
}

function webSocketClient({ token, extraHeaders }: Caller, { connected }: Listener) {
  const address = new URL(config.endpoint, location.href);
  address.protocol = address.protocol.replace("http", "ws");
  return createWebSocketClient({
    url: address.href,
    connectionParams: { ...extraHeaders, ...(token ? { authorization: `Bearer ${token}` } : {}) },
    retryAttempts: 0,
    on: { connected },
  });
}

function sseClient({ token, extraHeaders }: Caller, { connected }: Listener) {
  return createSseClient({
    url: config.endpoint,
    headers: { ...(token ? { Authorization: `Bearer ${token}` } : {}), ...extraHeaders },
    retryAttempts: 0,
    on: { connected },
  });
}

/** Why a subscription ended, from what the libraries throw: a close event, GraphQL errors, or an answer that is no stream. */
async function endingOf(reason: unknown): Promise<string> {
  if (reason instanceof CloseEvent) return closedWords(reason.code, reason.reason);
  if (Array.isArray(reason)) return reason.map((error: { message: string }) => error.message).join("\n");
  if (reason instanceof NetworkError && reason.response) {
    const response = reason.response as unknown as Response;
    return refusedWords(response.status, await response.text());
  }
  // An error event of a WebSocket says nothing, by design of the browsers; a failed fetch says next to nothing.
  return "The connection could not be made, or was cut on the way. Is the gateway running, and does it allow this page's origin?";
}
