import { Link } from "wouter";
import { HomeServicesAgainDocument } from "../gql/graphql";
import { usePart } from "../graph/usePart";
import { useChanges } from "../live/LiveChanges";
import { Card } from "../parts/Card";
import { Services } from "../parts/Services";
import { texts } from "../texts";
import type { HomeProps } from "./me";

const words = texts.home.services;

export function ServicesCard({ home, me }: HomeProps) {
  const part = usePart(home, me?.services, ["me", "services"], HomeServicesAgainDocument);
  useChanges("outages", part.again);
  return (
    <Card title={words.title} what={words.what} part={part} className="wide" lines={5} action={<Link href="/tickets/new">{words.report}</Link>}>
      <Services services={me?.services?.nodes ?? []} />
    </Card>
  );
}
