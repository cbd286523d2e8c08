/**
 * A part of an answer that one system answers for: a card. It knows whether its data failed, is old or lacks rows, and can
 * be asked for again alone. What came too late for a hasty answer is asked for once more by itself.
 */
import { createRequest, type TypedDocumentNode } from "@urql/core";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { Asked } from "./useAsked";
import { useGraph } from "./context";
import { type Failure, meets } from "./reports";

export interface Part {
  /** `late`: it is being asked for, after it came too late. `failed`: there is nothing to show. */
  state: "waiting" | "late" | "there" | "failed";
  /** Why there is nothing to show, or why something below lacks. */
  failure: Failure | undefined;
  /** Age in seconds of the oldest row, where what is shown is not fresh. */
  staleFor: number | undefined;
  incomplete: boolean;
  asking: boolean;
  requestId: string;
  again(): void;
}

/** `value`: what of the whole's data the card shows. `path`: where it stands. `alone`: the query for it alone. */
export function usePart<Data>(
  whole: Asked<unknown>,
  value: unknown,
  path: readonly string[],
  alone: TypedDocumentNode<Data, Record<string, never>>,
): Part {
  const { client, reports } = useGraph();
  const [asking, setAsking] = useState(false);
  const { key } = createRequest(alone, {} as Record<string, never>);
  const own = useSyncExternalStore(reports.subscribe, () => reports.of(key));
  const report = own && (!whole.report || own.at >= whole.report.at) ? own : whole.report;
  const failures = report?.failures.filter((one) => meets(one.path, path)) ?? [];
  const isThere = value !== undefined && value !== null;
  const failure = failures.find((one) => one.path.length <= path.length) ?? failures[0];

  const again = useCallback(() => {
    setAsking(true);
    void client
      .query(alone, {} as Record<string, never>, { requestPolicy: "network-only" })
      .toPromise()
      .finally(() => setAsking(false));
  }, [client, alone]);

  const tooLate = report === whole.report && failures.some(({ code }) => code === "UPSTREAM_TIMEOUT");
  const askedFor = useRef(whole.report);
  useEffect(() => {
    if (!tooLate || askedFor.current === whole.report) return;
    askedFor.current = whole.report;
    again();
  }, [tooLate, whole.report, again]);

  return {
    state: isThere
      ? "there"
      : !report
        ? "waiting"
        : tooLate || (asking && failure?.code === "UPSTREAM_TIMEOUT")
          ? "late"
          : failure
            ? "failed"
            : "there",
    failure,
    staleFor: report?.stale.filter(({ paths }) => paths.length === 0 || paths.some((one) => meets(one, path)))[0]?.age,
    incomplete: report?.incomplete.some((one) => meets(one.path, path)) ?? false,
    asking,
    requestId: report?.requestId ?? "",
    again,
  };
}
