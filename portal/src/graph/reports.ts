/**
 * What the last answer to each operation said beside its data: what failed, what is old, what lacks rows. The cache keeps
 * data only, so this is written down when an answer comes, and read by the cards.
 */
import type { OperationResult } from "@urql/core";

type Path = readonly (string | number)[];

export interface Failure {
  code: string;
  path: Path;
}

export interface Report {
  /** When the answer came (milliseconds, as Date.now). */
  at: number;
  failures: Failure[];
  stale: { paths: Path[]; age: number }[];
  incomplete: { path: Path; rows: number }[];
  /** The request's id: the operator finds it in the log. */
  requestId: string;
}

/** Code of our own: no answer came at all. */
export const NO_ANSWER = "NO_ANSWER";

export class Reports {
  private readonly known = new Map<number, Report>();
  private readonly listeners = new Set<() => void>();

  /** Writes down what an answer says. */
  note(result: OperationResult): void {
    const { error, extensions, operation } = result;
    const failures: Failure[] = (error?.graphQLErrors ?? []).map(({ path, extensions: more }) => ({
      code: String(more.code ?? "INTERNAL"),
      path: path ?? [],
    }));
    if (error?.networkError && failures.length === 0) failures.push({ code: NO_ANSWER, path: [] });
    this.known.set(operation.key, {
      at: Date.now(),
      failures,
      stale: extensions?.stale ?? [],
      incomplete: extensions?.incomplete ?? [],
      requestId: String(operation.context.requestId ?? ""),
    });
    this.listeners.forEach((tell) => tell());
  }

  of = (key: number): Report | undefined => this.known.get(key);

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}

/** Whether one path is the other's beginning: a failure above or below concerns both. */
export function meets(one: Path, other: Path): boolean {
  return one.slice(0, other.length).every((part, at) => part === other[at]);
}
