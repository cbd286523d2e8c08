import { Link } from "wouter";
import { HomeAccountsAgainDocument } from "../gql/graphql";
import { usePart } from "../graph/usePart";
import { useChanges } from "../live/LiveChanges";
import { Accounts } from "../parts/Accounts";
import { Card } from "../parts/Card";
import { texts } from "../texts";
import type { HomeProps } from "./me";

const words = texts.home.accounts;

export function AccountsCard({ home, me }: HomeProps) {
  const part = usePart(home, me?.accounts, ["me", "accounts"], HomeAccountsAgainDocument);
  useChanges("bills", part.again);
  return (
    <Card title={words.title} what={words.what} part={part} className="wide" lines={5} action={<Link href="/bills">{words.all}</Link>}>
      <Accounts accounts={me?.accounts ?? []} action={words.pay} />
    </Card>
  );
}
