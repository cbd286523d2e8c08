/** Follows what changes, while somebody is signed in, and tells what is mounted: a list asks again, a thread shows it. */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef } from "react";
import { OutageChangedDocument, TicketChangedDocument } from "../gql/graphql";
import { useGraph } from "../graph/context";
import { announce } from "../shell/announce";
import { useKind } from "../shell/useKind";
import { texts } from "../texts";

export type Topic = "tickets" | "outages" | "bills" | "contact";
type Listeners = Map<() => void, Topic>;

const Context = createContext<{ listeners: Listeners; tell(topic: Topic): void } | null>(null);

export function LiveChanges({ children }: { children: ReactNode }) {
  const { client, live } = useGraph();
  const kind = useRef<ReturnType<typeof useKind>>(null);
  kind.current = useKind();
  const listeners = useRef<Listeners>(new Map()).current;
  const tell = useCallback((topic: Topic) => listeners.forEach((of, listener) => of === topic && listener()), [listeners]);

  // What happens while the page is not connected is not told later: so what is shown is read again each time.
  useEffect(
    () =>
      live.onConnected(() => {
        tell("tickets");
        tell("outages");
      }),
    [live, tell],
  );

  useEffect(() => {
    let last = "";
    const tickets = client.subscription(TicketChangedDocument, {}).subscribe(({ data }) => {
      if (!data) return;
      const { ticketId: id, event, ticket } = data.ticketChanged;
      const now = `${id} ${event} ${ticket?.updatedAt}`;
      if (now === last) return; // what could not be read at once comes again
      last = now;
      if (kind.current === "desk") return; // it is told of everybody's: what it looks at changes in the cache
      announce(texts.live.ticket(event, ticket?.name ?? id));
      if (event !== "CHANGED") tell("tickets");
    });
    const outages = client.subscription(OutageChangedDocument, {}).subscribe(({ data }) => {
      if (!data) return;
      const { event, outage } = data.outageChanged;
      if (kind.current !== "desk") announce(texts.live.outage(event, outage?.name ?? ""));
      tell("outages");
    });
    return () => {
      tickets.unsubscribe();
      outages.unsubscribe();
    };
  }, [client, tell]);

  const value = useMemo(() => ({ listeners, tell }), [listeners, tell]);
  return <Context value={value}>{children}</Context>;
}

/** Calls `again` when something of the topic changed: while the component is there. */
export function useChanges(topic: Topic, again: () => void): void {
  const context = useContext(Context);
  const latest = useRef(again);
  useEffect(() => {
    latest.current = again;
  });
  useEffect(() => {
    if (!context) return;
    const listener = () => latest.current();
    context.listeners.set(listener, topic);
    return () => void context.listeners.delete(listener);
  }, [context, topic]);
}

/** Says that something of the topic changed, as after a write of this page's own. */
export function useTell(): (topic: Topic) => void {
  const context = useContext(Context);
  return context?.tell ?? (() => {});
}
