/** Below the greeting: what a person should know first. It says nothing of what is not known. */
import { HomePersonAgainDocument } from "../gql/graphql";
import { money, sum } from "../formats";
import { usePart } from "../graph/usePart";
import { Problem } from "../parts/Card";
import { texts } from "../texts";
import type { HomeProps } from "./me";

export function Greeting({ home, me }: HomeProps) {
  const part = usePart(home, me?.name, ["me", "name"], HomePersonAgainDocument);
  const open = me?.accounts?.flatMap(({ bills }) => bills?.nodes ?? []);
  const late = sum(open?.filter((bill) => bill.isOverdue).flatMap(({ remainingAmount }) => remainingAmount ?? []) ?? []);
  const services = me?.services?.nodes;
  const broken = services?.filter(({ outages }) => outages && outages.length > 0).length ?? 0;
  const isAllKnown = open !== undefined && services !== undefined;
  return (
    <div className="greeting">
      {part.state === "failed" && part.failure && <Problem code={part.failure.code} what={texts.home.unknownName} part={part} />}
      {me?.status === "SUSPENDED" && <p className="notice notice-warn">{texts.home.suspended}</p>}
      {broken > 0 && <p className="notice notice-warn">{texts.home.outage(broken)}</p>}
      {late && <p className="notice notice-bad">{texts.home.overdue(money(late))}</p>}
      {isAllKnown && broken === 0 && !late && <p className="lead">{texts.home.allGood}</p>}
    </div>
  );
}
