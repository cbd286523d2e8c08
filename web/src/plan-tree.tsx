import type { ReactNode } from "react";
import { callsOf, type Plan, type PlanNode, treeOf } from "./plan";
import { systemClass } from "./systems";
import type { UpstreamCall } from "./waterfall";
import { count, ms } from "./words";

/** Beside the waterfall: which fields are loaded, in which step, and which of them share a call. */
export function PlanTree({ plan, calls }: { plan: Plan; calls: readonly UpstreamCall[] }) {
  if (plan.fallback !== null) return <p>There is no plan: graphql-core ran the operation field by field, because of {plan.fallback}.</p>;
  const roots = treeOf(plan);
  if (roots.length === 0) return <p>Nothing is loaded for this operation.</p>;
  return (
    <>
      <Nodes nodes={roots} plan={plan} calls={calls} />
      {plan.withheld && <p>Withheld from you: {plan.withheld.join(", ")}</p>}
      {plan.masked && <p>Masked for you: {plan.masked.join(", ")}</p>}
    </>
  );
}

function Nodes({ nodes, plan, calls }: { nodes: PlanNode[]; plan: Plan; calls: readonly UpstreamCall[] }) {
  return (
    <ul>
      {nodes.map((node) => (
        <li key={`${node.step} ${node.names.join()}`} data-testid="plan-node">
          <Node node={node} calls={callsOf(node.load, plan, calls)} />
          {node.children.length > 0 && <Nodes nodes={node.children} plan={plan} calls={calls} />}
        </li>
      ))}
    </ul>
  );
}

function Node({ node, calls }: { node: PlanNode; calls: UpstreamCall[] | null }) {
  const { names, step, load, elsewhere } = node;
  const took = calls && calls.length > 0 ? Math.max(...calls.map(({ durationMs }) => durationMs)) : null;
  return (
    <div className={systemClass(load.system)} title={load.reads.length > 0 ? `reads ${load.reads.join(", ")}` : undefined}>
      <code>{names.join(", ")}</code> step {step} <span className="gateway-dot" aria-hidden="true" />
      {load.system ?? "the gateway"}{" "}
      <span className="gateway-quiet">
        {load.loader}
        {calls && `, ${calls.length === 0 ? "no call" : count(calls.length, "call")}`}
        {took !== null && `, ${ms(took)}`}
        {load.only_if && `, only where ${load.only_if}`}
        {load.early && `, early: ${load.early}`}
      </span>
      {names.length > 1 && <Mark title="One call brings all of them">shared by {names.length} fields</Mark>}
      {elsewhere.length > 0 && <Mark title="One call brings these, too">shared with {elsewhere.join(", ")}</Mark>}
      {calls?.some(({ shared }) => shared) && <Mark title="Other requests waited for this call, too">shared with other requests</Mark>}
    </div>
  );
}

export function Mark({ title, children }: { title: string; children: ReactNode }) {
  return (
    <span className="gateway-mark" title={title}>
      {children}
    </span>
  );
}
