/** What the gateway says that it does for an operation (`extensions.explain`), as a tree of the answer's fields. */
import type { UpstreamCall } from "./waterfall";

/** One load: everything that these fields need of one loader in one step is asked for together. */
export interface PlanLoad {
  fields: string[];
  loader: string;
  system: string | null;
  /** By what is loaded, in words. */
  keys: string;
  reads: string[];
  /** Why it does not wait for the field above it. */
  early: string | null;
  only_if: string | null;
}

export interface Plan {
  /** Steps run one after the other, the loads of a step at the same time. */
  steps: PlanLoad[][];
  /** Why the operation is run without a plan; then there are no steps. */
  fallback: string | null;
  withheld?: string[];
  masked?: string[];
}

/** Fields below one field that one load is for. */
export interface PlanNode {
  /** From the field above to each of these. */
  names: string[];
  step: number;
  load: PlanLoad;
  /** Fields elsewhere in the answer that the load is for, too. */
  elsewhere: string[];
  children: PlanNode[];
}

/** Each loaded field below the nearest loaded field above it. */
export function treeOf(plan: Plan): PlanNode[] {
  const fields = plan.steps
    .flatMap((loads, index) => loads.flatMap((load) => load.fields.map((path) => ({ path, step: index + 1, load }))))
    .sort((a, b) => a.path.split(".").length - b.path.split(".").length);
  const found = new Map<string, PlanNode>();
  const roots: PlanNode[] = [];
  for (const { path, step, load } of fields) {
    const parts = path.split(".");
    let length = parts.length - 1;
    while (length > 0 && !found.has(parts.slice(0, length).join("."))) length -= 1;
    const above = found.get(parts.slice(0, length).join("."));
    const siblings = above ? above.children : roots;
    let node = siblings.find((one) => one.load === load);
    if (!node) siblings.push((node = { names: [], step, load, elsewhere: load.fields, children: [] }));
    node.names.push(parts.slice(above ? length : 0).join("."));
    node.elsewhere = node.elsewhere.filter((other) => other !== path);
    found.set(path, node);
  }
  return roots;
}

/** The calls of a load; null where they cannot be told from those of another load with the same loader. */
export function callsOf(load: PlanLoad, plan: Plan, calls: readonly UpstreamCall[]): UpstreamCall[] | null {
  const sameLoader = plan.steps.flat().filter(({ loader }) => loader === load.loader);
  return sameLoader.length > 1 ? null : calls.filter(({ loader }) => loader === load.loader);
}
