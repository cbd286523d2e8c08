import { useState } from "react";
import type { AnswerFacts } from "./fetcher";
import { byStart, sequentialSteps, totalMs, type UpstreamCall } from "./waterfall";

/** Systems that have a colour of their own in page.css; any other gets the neutral one. */
const KNOWN_SYSTEMS = new Set(["crm", "billing", "inventory", "ticketing"]);

const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

const size = (bytes: number): string => (bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`);

const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;

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
            {count(facts.errors.length, "error")}: {[...new Set(facts.errors)].join(", ")}
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
        {calls === null ? (
          <p>{explain(facts)}</p>
        ) : calls.length === 0 ? (
          <p>No system was asked for this answer.</p>
        ) : (
          <Waterfall calls={byStart(calls)} />
        )}
      </div>
    </section>
  );
}

/** Why there is no trace, and what to do about it. */
function explain(facts: AnswerFacts): string {
  if (facts.errors.some((error) => /^(UNAUTHENTICATED|FORBIDDEN)\b/.test(error))) {
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
          <th scope="col">Call</th>
          <th scope="col">Keys</th>
          <th scope="col">Loader</th>
          <th scope="col">Status</th>
          <th scope="col" className="gateway-number">
            Size
          </th>
          <th scope="col" className="gateway-number">
            Time
          </th>
          <th scope="col" className="gateway-timeline">
            <span>0</span>
            <span>{ms(total)}</span>
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
  const system = KNOWN_SYSTEMS.has(call.system) ? call.system : "other";
  const failed = call.status === null || call.status >= 400;
  const when = `${ms(call.startMs)} to ${ms(call.startMs + call.durationMs)}`;
  return (
    <tr className={`gateway-system-${system}`}>
      <th scope="row">
        <span className="gateway-dot" aria-hidden="true" />
        {call.system}
      </th>
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
      <td>{call.loader ?? ""}</td>
      <td className={failed ? "gateway-errors" : undefined}>{call.status ?? call.error ?? "no answer"}</td>
      <td className="gateway-number">{call.bytes === null ? "" : size(call.bytes)}</td>
      <td className="gateway-number">{ms(call.durationMs)}</td>
      <td className="gateway-timeline">
        <div
          className={failed ? "gateway-bar gateway-bar-failed" : "gateway-bar"}
          role="img"
          aria-label={when}
          title={`${call.system}: ${when}\n${call.method} ${call.path}\nkeys: ${call.keys.join(", ") || "none"}`}
          style={{ marginLeft: `${(100 * call.startMs) / total}%`, width: `${(100 * call.durationMs) / total}%` }}
        />
      </td>
    </tr>
  );
}
