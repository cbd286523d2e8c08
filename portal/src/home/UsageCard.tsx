import { HomeUsageAgainDocument } from "../gql/graphql";
import { usePart } from "../graph/usePart";
import { Card } from "../parts/Card";
import { Usage } from "../parts/Usage";
import { texts } from "../texts";
import type { HomeProps } from "./me";

export function UsageCard({ home, me }: HomeProps) {
  const part = usePart(home, me?.usage, ["me", "usage"], HomeUsageAgainDocument);
  return (
    <Card title={texts.home.usage.title} what={texts.home.usage.what} part={part} lines={4}>
      <Usage allowances={me?.usage ?? []} />
    </Card>
  );
}
