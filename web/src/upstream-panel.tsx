import { useState } from "react";
import type { AnswerFacts } from "./fetcher";
import { Mark, PlanTree } from "./plan-tree";
import { systemClass } from "./systems";
import { byStart, sequentialSteps, totalMs, type UpstreamCall } from "./waterfall";
import { count, ms, size } from "./words";

/** Below GraphiQL: what the last answer cost, and a bar for every call to a system behind the gateway. */
export function UpstreamPanel({ facts }: { facts: AnswerFacts }) {
  const [open, setOpen] = useState(true);
  const calls = facts.upstream;
  return (
    <section className="gateway-panel gateway-upstream" aria-label="Upstream calls of the last answer">
      <div className="gateway-panel-summary">
        <button type="button" aria-expanded={open} aria-controls="gateway-upstream-body" onClick={() => setOpen(!open)}>
          <span aria-hidden="true">{open ? "▾" : "▸"}</span> Upstream calls
        </button>
        <span>
          <b>{facts.operationName ?? "Operation"}</b>
          {facts.askedAs && ` as ${facts.askedAs}`}
        </span>
        {calls && (
          <span data-testid="upstream-totals">
            <b>{count(calls.length, "call")}</b>,{" "}
            <span title="The longest chain of calls that each waited for the one before">
              <b>{count(sequentialSteps(calls), "sequential step")}</b>
            </span>
            , <b>{ms(totalMs(calls))}</b> upstream
          </span>
        )}
        <span className="gateway-quiet">
          HTTP {facts.status}, {ms(facts.durationMs)} in the browser, {size(facts.bytes)}
        </span>
        {facts.errors.length > 0 && (
          <span className="gateway-errors">
            {count(total(facts), "error")}: {codes(facts).join(", ")}
          </span>
        )}
      </div>
      <div id="gateway-upstream-body" className="gateway-panel-body" hidden={!open}>
        {facts.incomplete.map(({ path, system, rows }) => (
          <p key={path.join(".")} className="gateway-errors" data-testid="incomplete">
            <code>{path.join(".")}</code> lacks {count(rows, "row")} that {system} sent and nobody can read.
          </p>
        ))}
        {facts.warnings.map((warning) => (
          <p key={warning}>{warning}</p>
        ))}
        <div className="gateway-beside">
          {facts.plan && (
            <section className="gateway-plan" aria-label="Plan of the operation">
              <h2>Plan</h2>
              <PlanTree plan={facts.plan} calls={calls ?? []} />
            </section>
          )}
          <section className="gateway-waterfall" aria-label="Calls of the answer" tabIndex={calls?.length ? 0 : undefined}>
            {calls === null ? (
              <p>{whyNoTrace(facts)}</p>
            ) : calls.length === 0 ? (
              <p>No system was asked for this answer.</p>
            ) : (
              <Waterfall calls={byStart(calls)} />
            )}
          </section>
        </div>
      </div>
    </section>
  );
}

const total = ({ errors, moreErrors }: AnswerFacts): number => errors.reduce((sum, one) => sum + one.count, moreErrors);

/** "CODE" or "CODE system" of each error, each once. */
const codes = ({ errors }: AnswerFacts): string[] => [
  ...new Set(errors.map(({ code, system }) => [code, system].filter(Boolean).join(" "))),
];

/** Why there is no trace, and what to do about it. */
function whyNoTrace(facts: AnswerFacts): string {
  if (!facts.hasToken) return "You are signed out: the gateway shows the calls behind an answer to agents and admins.";
  if (facts.errors.some(({ code }) => code === "UNAUTHENTICATED" || code === "FORBIDDEN")) {
    return "The gateway did not accept this token for this operation: choose another one in the bar above and run it again.";
  }
  return "Agents and admins see the upstream calls here; a subscriber's answer carries no trace.";
}

function Waterfall({ calls }: { calls: UpstreamCall[] }) {
  const total = totalMs(calls) || 1;
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">System</th>
          <th scope="col" className="gateway-timeline">
            <span>0</span>
            <span>{ms(total)}</span>
          </th>
          <th scope="col" className="gateway-number">
            Time
          </th>
          <th scope="col">Status</th>
          <th scope="col">Call</th>
          <th scope="col">Keys</th>
          <th scope="col">Loader</th>
          <th scope="col" className="gateway-number">
            Size
          </th>
        </tr>
      </thead>
      <tbody>
        {calls.map((call, index) => (
          <CallRow key={index} call={call} total={total} />
        ))}
      </tbody>
    </table>
  );
}

function CallRow({ call, total }: { call: UpstreamCall; total: number }) {
  const failed = call.status === null || call.status >= 400;
  const when = `${ms(call.startMs)} to ${ms(call.startMs + call.durationMs)}`;
  return (
    <tr className={systemClass(call.system)}>
      <th scope="row">
        <span className="gateway-dot" aria-hidden="true" />
        {call.system}
      </th>
      <td className="gateway-timeline">
        <div
          className={failed ? "gateway-bar gateway-bar-failed" : "gateway-bar"}
          role="img"
          aria-label={when}
          title={`${call.system}: ${when}\n${call.method} ${call.path}\nkeys: ${call.keys.join(", ") || "none"}`}
          style={{ marginLeft: `${(100 * call.startMs) / total}%`, width: `${(100 * call.durationMs) / total}%` }}
        />
      </td>
      <td className="gateway-number">{ms(call.durationMs)}</td>
      <td className={failed ? "gateway-errors" : undefined}>{call.status ?? call.error ?? "no answer"}</td>
      <td className="gateway-path">
        <code title={`${call.method} ${call.path}`}>
          {call.method} {call.path}
        </code>
      </td>
      <td>
        {call.keys.length === 0 ? (
          "none"
        ) : (
          <details>
            <summary>{count(call.keys.length, "key")}</summary>
            {call.keys.join(", ")}
          </details>
        )}
      </td>
      <td>
        {call.loader ?? ""}
        {call.shared && <Mark title="Other requests waited for this call, too">shared</Mark>}
      </td>
      <td className="gateway-number">{call.bytes === null ? "" : size(call.bytes)}</td>
    </tr>
  );
}
