/** A card: a heading, what one system knows, and what to say where it knows nothing, something old, or not all. */
import { type ReactNode, useId } from "react";
import { age } from "../formats";
import type { Part } from "../graph/usePart";
import { texts } from "../texts";
import { Skeleton } from "./Skeleton";

interface Props {
  title: string;
  /** What it shows, for a sentence: "your bills". */
  what: string;
  part: Part;
  children: ReactNode;
  action?: ReactNode;
  className?: string;
  lines?: number;
}

export function Card({ title, what, part, children, action, className = "", lines = 3 }: Props) {
  const id = useId();
  const isWaiting = part.state === "waiting" || part.state === "late";
  return (
    <section className={`card ${className}`} aria-labelledby={id} aria-busy={isWaiting || part.asking}>
      <div className="card-head">
        <h2 id={id}>{title}</h2>
        {part.state === "there" && action}
      </div>
      <div className="card-body">
        <div className="card-status">
          {part.state === "late" && <p className="hint" role="status">{texts.parts.late}</p>}
          {part.state === "failed" && part.failure && <Problem code={part.failure.code} what={what} part={part} />}
        </div>
        {isWaiting && <Skeleton lines={lines} />}
        {part.state === "there" && (
          <>
            <Notes part={part} />
            {children}
          </>
        )}
      </div>
    </section>
  );
}

const NO_USE = new Set(["FORBIDDEN", "FORBIDDEN_FIELD", "NOT_SUPPORTED", "NOT_CONFIGURED", "LIMIT_EXCEEDED"]);

/** Nothing can be shown: why, in a person's words, and a way to ask again for this alone. */
export function Problem({ code, what, part }: { code: string; what: string; part: Pick<Part, "asking" | "again" | "requestId"> }) {
  return (
    <div className="problem" role="status">
      <p>{texts.problem(code, what)}</p>
      {!NO_USE.has(code) && <Again part={part} />}
      {code === "INTERNAL" && <p className="hint">{texts.parts.reference(part.requestId)}</p>}
    </div>
  );
}

function Again({ part }: { part: Pick<Part, "asking" | "again"> }) {
  return (
    <button type="button" className="button" onClick={part.again} aria-disabled={part.asking}>
      {part.asking ? texts.parts.asking : texts.parts.again}
    </button>
  );
}

/** What is shown is old, lacks rows, or lacks something below. */
export function Notes({ part }: { part: Part }) {
  const { staleFor, incomplete, failure } = part;
  return (
    <>
      {staleFor !== undefined && <p className="badge warn">{texts.parts.stale(age(staleFor))}</p>}
      {incomplete && <p className="hint">{texts.parts.incomplete}</p>}
      {failure && !NO_USE.has(failure.code) && (
        <div className="problem small">
          <p>{texts.parts.lacking}</p>
          <Again part={part} />
        </div>
      )}
    </>
  );
}
