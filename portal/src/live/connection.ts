/** The WebSocket over which changes are told. docs/live/follow.ts explains each line of it. */
import { type Client, createClient } from "graphql-ws";
import { config } from "../config";
import type { Bearer } from "../graph/client";

const RENEWAL = 60_000;
const UNANSWERED = 10_000;

export interface Live {
  client: Client;
  /** Calls the listener each time that the connection was made, or made again: what is shown is read again then. */
  onConnected(listener: () => void): () => void;
}

export function liveConnection(bearer: Bearer): Live {
  const listeners = new Set<() => void>();
  const authorization = () => ({ authorization: `Bearer ${bearer.token()}` });
  let renewing: ReturnType<typeof setInterval> | undefined;
  let unanswered: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url: config.endpoint.replace(/^http/, "ws"),
    connectionParams: authorization, // asked for each time, so that it is never an old one
    retryAttempts: Infinity,
    shouldRetry: () => true, // the codes that never get better end it all the same
    retryWait: (tries) => new Promise((again) => setTimeout(again, 1_000 * Math.min(2 ** tries, 30) * (1 + Math.random()))),
    keepAlive: 20_000, // a connection can be cut without anybody noticing, as when a laptop sleeps
    on: {
      connected: (socket) => {
        const renew = () => (socket as WebSocket).send(JSON.stringify({ type: "ping", payload: authorization() }));
        renewing = setInterval(renew, RENEWAL);
        setTimeout(() => listeners.forEach((tell) => tell())); // not before the subscriptions are sent
      },
      ping: (received) => {
        if (!received) unanswered = setTimeout(() => client.terminate(), UNANSWERED);
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
  return {
    client,
    onConnected(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
