/** Looks every two seconds at what the gateway counts, as long as the page is seen. */
import { useEffect, useState } from "react";
import { config } from "../config";
import { useSession } from "../session/session";
import type { Snapshot } from "./snapshot";

const PAUSE = 2000;
/** Looks that are kept: two minutes. */
const KEPT = 61;

/** What the last looks found, and why there is nothing where there is nothing: a status of HTTP, or 0 for no answer. */
export function useSnapshots(): { snapshots: Snapshot[]; failed: number | null } {
  const { person } = useSession();
  const [snapshots, setSnapshots] = useState<Snapshot[]>([]);
  const [failed, setFailed] = useState<number | null>(null);
  useEffect(() => {
    if (!person) return;
    const ended = new AbortController();
    let timer: number | undefined;
    const look = async () => {
      if (document.visibilityState === "visible") {
        try {
          const answer = await fetch(config.status, {
            headers: { Authorization: `Bearer ${person.token()}` },
            signal: ended.signal,
          });
          setFailed(answer.ok ? null : answer.status);
          if (answer.ok) {
            const found = (await answer.json()) as Snapshot;
            setSnapshots((before) => [...before, found].slice(-KEPT));
          }
        } catch {
          if (!ended.signal.aborted) setFailed(0);
        }
      }
      if (!ended.signal.aborted) timer = window.setTimeout(() => void look(), PAUSE);
    };
    void look();
    return () => {
      ended.abort();
      window.clearTimeout(timer);
    };
  }, [person]);
  return { snapshots, failed };
}
