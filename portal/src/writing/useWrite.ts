/** A write for a form: `send` while nothing is under way, and what to show. A second click while it is sent does nothing. */
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { useGraph } from "../graph/context";
import { useSession } from "../session/session";
import { Intention, type Outcome, type UserError, type Write } from "./intention";

export interface Writing<P> {
  /** `checking`: it was sent, and nobody knows yet whether it was done. No form is shown then. */
  state: "idle" | "sending" | "checking" | "unknown" | "notDone" | "forbidden" | "refused" | "done";
  payload: P | null;
  userErrors: UserError[];
}

const IDLE: Writing<never> = { state: "idle", payload: null, userErrors: [] };

export function useWrite<P extends { userErrors: UserError[] }, Input extends object>(write: Write<P, Input>, place: string) {
  const { client } = useGraph();
  const { person } = useSession();
  const intention = useMemo(
    () => new Intention(client, write, `${person?.name} ${place}`),
    [client, write, person, place],
  );
  const [writing, set] = useState<Writing<P>>({ ...IDLE, state: intention.isOpen ? "checking" : "idle" });
  const isSending = useRef(false);

  const send = useCallback(
    async (input: Input): Promise<P | null> => {
      if (isSending.current) return null;
      isSending.current = true;
      set({ ...IDLE, state: intention.isOpen ? "checking" : "sending" });
      const outcome = await intention.send(input, () => set({ ...IDLE, state: "checking" }));
      isSending.current = false;
      set(shown(outcome));
      return outcome.kind === "done" ? outcome.payload : null;
    },
    [intention],
  );

  // What was sent before a reload is gone on with by itself: its input is kept, so what is given here is not used.
  const goOn = useCallback(() => send({} as Input), [send]);
  useEffect(() => {
    if (intention.isOpen) void goOn();
  }, [intention, goOn]);

  return { ...writing, send, goOn, reset: () => set(IDLE) };
}

function shown<P>(outcome: Outcome<P>): Writing<P> {
  if (outcome.kind === "done") return { ...IDLE, state: "done", payload: outcome.payload };
  if (outcome.kind === "refused") return { ...IDLE, state: "refused", userErrors: outcome.userErrors };
  if (outcome.mayHaveHappened) return { ...IDLE, state: "unknown" };
  return { ...IDLE, state: outcome.code === "FORBIDDEN" ? "forbidden" : "notDone" };
}
