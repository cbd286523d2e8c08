/** The subscription that the page follows: one at a time, with the messages that came. It goes on while tabs are turned. */
import { useCallback, useRef, useState } from "react";
import type { GraphQLAnswer, GraphQLRequest } from "./fetcher";
import { follow, type Transport } from "./live";

/** Messages that are kept; of more, the oldest go. */
export const MOST_SHOWN = 500;

export interface LiveMessage {
  /** Counted from 1, also those that were cleared away. */
  number: number;
  at: Date;
  answer: GraphQLAnswer;
}

export interface Following {
  operationName: string | null;
  askedAs: string | null;
  transport: Transport;
  state: "connecting" | "open" | "stopped" | "ended";
  /** Why nothing more comes, where the visitor did not stop it. */
  ending: string | null;
  /** Newest first. */
  messages: LiveMessage[];
}

const TRANSPORT_KEY = "gateway:transport";

export function useLive() {
  const [transport, setTransport] = useState<Transport>(() =>
    sessionStorage.getItem(TRANSPORT_KEY) === "sse" ? "sse" : "websocket",
  );
  const [following, setFollowing] = useState<Following | null>(null);
  const stopCurrent = useRef<(() => void) | null>(null);

  const choose = useCallback((next: Transport) => {
    sessionStorage.setItem(TRANSPORT_KEY, next);
    setTransport(next);
  }, []);

  const stop = useCallback(() => {
    stopCurrent.current?.();
    stopCurrent.current = null;
    setFollowing((now) => now && (now.state === "ended" ? now : { ...now, state: "stopped" }));
  }, []);

  const clear = useCallback(() => setFollowing((now) => now && { ...now, messages: [] }), []);

  /** Follows it instead of what was followed before. Settles once connected; rejects with the words of an end before that. */
  const start = useCallback(
    (request: GraphQLRequest, over: Transport, askedAs: string | null, caller: Parameters<typeof follow>[2]) => {
      stopCurrent.current?.();
      let count = 0;
      const change = (to: (now: Following) => Following) => setFollowing((now) => now && to(now));
      const operationName = request.operationName ?? null;
      setFollowing({ operationName, askedAs, transport: over, state: "connecting", ending: null, messages: [] });
      return new Promise<void>((resolve, reject) => {
        stopCurrent.current = follow(request, over, caller, {
          connected() {
            change((now) => ({ ...now, state: "open" }));
            resolve();
          },
          message(answer) {
            const message = { number: (count += 1), at: new Date(), answer };
            change((now) => ({ ...now, messages: [message, ...now.messages.slice(0, MOST_SHOWN - 1)] }));
          },
          ended(words) {
            change((now) => ({ ...now, state: "ended", ending: words }));
            reject(new Error(words));
          },
        });
      });
    },
    [],
  );

  return { transport, choose, following, start, stop, clear };
}
