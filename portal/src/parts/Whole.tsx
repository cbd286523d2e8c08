/** A page's whole content, from one query: shapes while it is asked for, then what is there, or why it is not. */
import type { ReactNode } from "react";
import type { Asked } from "../graph/useAsked";
import type { Part } from "../graph/usePart";
import { meets } from "../graph/reports";
import { Notes, Problem } from "./Card";
import { Skeleton } from "./Skeleton";

interface Props<Value> {
  asked: Asked<unknown>;
  /** What is shown; null where it is not there. */
  value: Value | null | undefined;
  /** Where it stands in the answer. */
  path: readonly string[];
  what: string;
  lines?: number;
  /** Whether its parts say themselves what they lack. */
  isOfParts?: boolean;
  /** What to show where there is nothing, and nothing failed. */
  none?: ReactNode;
  children: (value: Value) => ReactNode;
}

export function Whole<Value>({ asked, value, path, what, lines = 6, none = null, isOfParts = false, children }: Props<Value>) {
  const { report } = asked;
  const failures = report?.failures.filter((one) => meets(one.path, path)) ?? [];
  const failure = failures.find((one) => one.path.length <= path.length) ?? failures[0];
  const part: Part = {
    state: "there",
    failure,
    staleFor: report?.stale.find(({ paths }) => paths.length === 0 || paths.some((one) => meets(one, path)))?.age,
    incomplete: report?.incomplete.some((one) => meets(one.path, path)) ?? false,
    asking: asked.asking,
    requestId: report?.requestId ?? "",
    again: asked.again,
  };
  const isThere = value !== null && value !== undefined;
  return (
    <div aria-busy={asked.asking}>
      {isThere ? (
        <>
          {!isOfParts && <Notes part={part} />}
          {children(value)}
        </>
      ) : !report ? (
        <Skeleton lines={lines} />
      ) : failure ? (
        <Problem code={failure.code} what={what} part={part} />
      ) : asked.asking ? (
        <Skeleton lines={lines} />
      ) : (
        none
      )}
    </div>
  );
}
