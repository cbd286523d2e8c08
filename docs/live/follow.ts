// Follows a subscription for as long as a page is open: over WebSocket, or over SSE where a proxy lets no WebSocket
// through. docs/live.md explains it, and tests/gateway/http/test_live_clients.py runs it.
import { createClient as createSseClient } from "graphql-sse";
import { type Client, createClient as createWebSocketClient } from "graphql-ws";

export interface Portal {
  /** The gateway's address, such as https://portal.example/graphql. */
  endpoint: string;
  /** A token that is good for a while: the one there is, or a fresh one shortly before that ends. */
  token(): Promise<string>;
  /** Reads what is shown by a query, and shows it: called each time that the connection was made, or made again. */
  readAgain(): void;
  /** Shows what a message tells. */
  show(message: { data?: unknown; errors?: readonly unknown[] | undefined }): void;
  /** Says that nothing comes any more, and why: what is wrong must be mended first. */
  gaveUp(reason: unknown): void;
  /** Milliseconds between two tries, and between two looks at the token. Left out: 1 s and more, a minute. */
  pause?: number;
  renewal?: number;
}

export interface Subscription {
  /** Empty beside a `documentId`. */
  query: string;
  /** Of a published document. */
  documentId?: string;
  variables?: Record<string, unknown>;
}

/** One for all subscriptions of a page: they share the connection. */
export function webSocket(portal: Portal): Client {
  const { endpoint, token, readAgain, gaveUp, pause = 1_000, renewal = 60_000 } = portal;
  const bearer = async () => ({ authorization: `Bearer ${await token()}` });
  let renewing: ReturnType<typeof setInterval> | undefined;
  let unanswered: ReturnType<typeof setTimeout> | undefined;
  const client = createWebSocketClient({
    url: endpoint.replace(/^http/, "ws"),
    connectionParams: bearer, // asked for each time, so that it is never an old one
    retryAttempts: Infinity,
    shouldRetry: () => true, // the codes that never get better end it all the same
    retryWait: (tries) => sleep(pause * Math.min(2 ** tries, 30) * (1 + Math.random())),
    keepAlive: 20_000, // a connection can be cut without anybody noticing, as when a laptop sleeps
    on: {
      connected: (socket) => {
        const renew = (payload: object) => (socket as WebSocket).send(JSON.stringify({ type: "ping", payload }));
        renewing = setInterval(() => void bearer().then(renew, gaveUp), renewal);
        setTimeout(readAgain); // not before the subscriptions are sent
      },
      ping: (received) => {
        if (!received) unanswered = setTimeout(() => client.terminate(), 10_000);
      },
      pong: (received) => {
        if (received) clearTimeout(unanswered);
      },
      closed: () => {
        clearInterval(renewing);
        clearTimeout(unanswered);
      },
    },
  });
  return client;
}

/** Follows over a connection that `webSocket` made. What it returns ends it. */
export function followOverWebSocket(client: Client, { show, gaveUp }: Portal, subscription: Subscription): () => void {
  return client.subscribe(subscription, {
    next: show,
    error: gaveUp, // a close event, or the errors of a document that can never succeed
    complete: () => {},
  });
}

/** Follows over a stream of its own. What it returns ends it. */
export function followOverSse(
  { endpoint, token, readAgain, show, gaveUp, pause = 1_000 }: Portal,
  subscription: Subscription,
): () => void {
  const wait = (tries: number) => sleep(pause * Math.min(2 ** tries, 30) * (1 + Math.random()));
  const client = createSseClient({
    url: endpoint,
    headers: async () => ({ Authorization: `Bearer ${await token()}` }),
    retryAttempts: 10,
    retry: wait,
    on: { connected: readAgain },
  });
  let isOver = false;
  const again = () => {
    let isRefused = false;
    client.subscribe(subscription, {
      next: (message) => {
        isRefused = !("data" in message); // what fails in a message is null in its data, and ends nothing
        if (isRefused) gaveUp(message.errors);
        else show(message);
      },
      error: (reason) => isOver || gaveUp(reason),
      complete: () => {
        // The gateway completes a stream when its token ends and when it restarts: both mean "once more".
        if (!isOver && !isRefused) void wait(0).then(() => isOver || again());
      },
    });
  };
  again();
  return () => {
    isOver = true;
    client.dispose();
  };
}

const sleep = (milliseconds: number) => new Promise<void>((done) => setTimeout(done, milliseconds));
