/** What the page shows, read from the counts. Names are those of the catalogue of metrics, as Prometheus writes them. */
import { growth, type Index, quantile, type Span, sum, values } from "./snapshot";

const CALLS = "http_client_request_duration_seconds";
const OPERATIONS = "gateway_graphql_operation_duration_seconds";
const OVERHEAD = "gateway_graphql_operation_overhead_seconds";
const NAME = "graphql_operation_name";

export interface SystemStatus {
  system: string;
  up: boolean | undefined;
  /** The operations that are left in peace, or only tried. */
  open: string[];
  tried: string[];
  callsPerSecond: number[];
  latency: (number | undefined)[];
  failing: (number | undefined)[];
  shared: number | undefined;
  keysPerCall: number | undefined;
  retries: number;
}

export function systems(index: Index, spans: Span[]): SystemStatus[] {
  const last = spans.at(-1);
  const names = new Set([...values(index, "gateway_upstream_up", "system"), ...values(index, `${CALLS}_count`, "system")]);
  return [...names].sort().map((system) => {
    const up = sum(index, "gateway_upstream_up", { system });
    const breakers = (index.get("gateway_upstream_breaker") ?? []).filter(([, labels]) => labels.system === system);
    const at = (state: number) => [...new Set(breakers.filter(([, , value]) => value === state).map(([, { operation }]) => operation!))];
    const whole = last && { ...last, before: spans[0]!.before };
    const keys = whole && growth(whole, "gateway_upstream_batch_size_count", { system });
    const shareable = whole && growth(whole, "gateway_upstream_shareable_calls_total", { system });
    return {
      system,
      up: up === undefined ? undefined : up > 0,
      open: at(2),
      tried: at(1),
      callsPerSecond: spans.map((span) => growth(span, `${CALLS}_count`, { system }) / span.seconds),
      latency: spans.map((span) => quantile(span, CALLS, 0.95, { system })),
      failing: spans.map((span) => {
        const all = growth(span, `${CALLS}_count`, { system });
        return all ? 1 - growth(span, `${CALLS}_count`, { system, error_type: "" }) / all : undefined;
      }),
      shared: shareable ? growth(whole!, "gateway_upstream_shared_calls_total", { system }) / shareable : undefined,
      keysPerCall: keys ? growth(whole!, "gateway_upstream_batch_size_sum", { system }) / keys : undefined,
      retries: whole ? growth(whole, "gateway_upstream_retries_total", { system }) : 0,
    };
  });
}

export interface OperationStatus {
  name: string;
  count: number;
  slowest: number | undefined;
  /** Seconds of the gateway's own work, for each. */
  own: number;
  errors: number;
}

/** Since the page was opened, those first on which the most time is spent. */
export function operations(index: Index, spans: Span[]): OperationStatus[] {
  const last = spans.at(-1);
  if (!last) return [];
  const whole = { ...last, before: spans[0]!.before };
  return values(index, `${OPERATIONS}_count`, NAME)
    .map((name) => {
      const wanted = { [NAME]: name };
      const count = growth(whole, `${OPERATIONS}_count`, wanted);
      return {
        name,
        count,
        slowest: quantile(whole, OPERATIONS, 0.95, wanted),
        own: count ? growth(whole, `${OVERHEAD}_sum`, wanted) / count : 0,
        errors: growth(whole, "gateway_graphql_operation_errors_total", wanted),
      };
    })
    .filter(({ count }) => count > 0)
    .sort((one, other) => other.own * other.count - one.own * one.count);
}

export interface Figures {
  perSecond: number[];
  underWay: number;
  waiting: number;
  lag: number;
  memory: number;
  subscriptions: number;
  shed: number;
  limited: number;
}

export function figures(index: Index, spans: Span[]): Figures {
  const last = spans.at(-1);
  const whole = last && { ...last, before: spans[0]!.before };
  return {
    perSecond: spans.map((span) => growth(span, `${OPERATIONS}_count`) / span.seconds),
    underWay: sum(index, "gateway_requests_under_way") ?? 0,
    waiting: sum(index, "gateway_requests_waiting") ?? 0,
    lag: Math.max(0, ...(index.get("gateway_loop_lag_seconds") ?? []).map(([, , value]) => value)),
    memory: sum(index, "gateway_worker_resident_memory_bytes") ?? 0,
    subscriptions: sum(index, "gateway_subscriptions") ?? 0,
    shed: whole ? growth(whole, "gateway_shed_total") : 0,
    limited: whole ? growth(whole, "gateway_rate_limited_total") : 0,
  };
}
