/** The arithmetic of the waterfall: no drawing here. */

/** One entry of `extensions.upstream`, as the gateway sends it. */
export interface UpstreamCall {
  system: string;
  method: string;
  path: string;
  keys: string[];
  /** Null for a call that got no answer; `error` then says why. */
  status: number | null;
  error?: string | null;
  /** Counted from the start of the gateway's request. */
  startMs: number;
  durationMs: number;
  bytes: number | null;
  loader: string | null;
  /** Whether other requests waited for the same call. */
  shared?: boolean;
}

const endOf = (call: UpstreamCall): number => call.startMs + call.durationMs;

export const byStart = (calls: readonly UpstreamCall[]): UpstreamCall[] =>
  [...calls].sort((a, b) => a.startMs - b.startMs || endOf(a) - endOf(b));

/** From the start of the request to the end of its last call. */
export const totalMs = (calls: readonly UpstreamCall[]): number => Math.max(0, ...calls.map(endOf));

/** The longest chain of calls of which each began only after the one before had ended. */
export function sequentialSteps(calls: readonly UpstreamCall[]): number {
  let steps = 0;
  let end = -Infinity;
  for (const call of [...calls].sort((a, b) => endOf(a) - endOf(b))) {
    if (call.startMs >= end) {
      steps += 1;
      end = endOf(call);
    }
  }
  return steps;
}
