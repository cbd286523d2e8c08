import type { HomeUsageFragment } from "../gql/graphql";
import { day, number } from "../formats";
import { texts } from "../texts";
import { Bar } from "./Bar";

const words = texts.home.usage;

/** Allowances as bars; what has no end is a number. */
export function Usage({ allowances }: { allowances: NonNullable<HomeUsageFragment["usage"]> }) {
  if (allowances.length === 0) return <p className="hint">{words.none}</p>;
  return (
    <ul className="allowances">
      {allowances.map(({ id, name, used, remaining, allowance, unit, resetsAt }) => (
        <li key={id}>
          <p className="allowance-head">
            <strong>{name}</strong>
            {used !== null && (
              <span>
                {allowance ? words.of(number(used), number(allowance), unit ?? "") : words.used(number(used), unit ?? "")}
              </span>
            )}
          </p>
          {used !== null && allowance ? <Bar value={used} of={allowance} label={name ?? words.title} /> : null}
          <p className="hint">
            {[remaining === null ? null : words.left(number(remaining), unit ?? ""), resetsAt && words.resets(day(resetsAt))]
              .filter(Boolean)
              .join(" · ")}
          </p>
        </li>
      ))}
    </ul>
  );
}
