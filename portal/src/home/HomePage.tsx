/** The home: one request for all of it, and each card for itself where something fails. */
import { PortalHomeDocument } from "../gql/graphql";
import { HASTE } from "../graph/client";
import { useAsked } from "../graph/useAsked";
import { NO_ANSWER } from "../graph/reports";
import { Problem } from "../parts/Card";
import { Page } from "../shell/Page";
import { texts } from "../texts";
import { AccountsCard } from "./AccountsCard";
import { DeskHome } from "./DeskHome";
import { Greeting } from "./Greeting";
import { ServicesCard } from "./ServicesCard";
import { TicketsCard } from "./TicketsCard";
import { UsageCard } from "./UsageCard";

export function HomePage() {
  const home = useAsked(PortalHomeDocument, {}, HASTE);
  const { data, report, asking, again } = home;
  if (report && !data) {
    return (
      <Page title={texts.navigation.customer[0]?.text ?? ""}>
        <Problem code={report.failures[0]?.code ?? NO_ANSWER} what="this page" part={{ asking, again, requestId: report.requestId }} />
      </Page>
    );
  }
  if (data && data.viewer.kind !== "CUSTOMER") return <DeskHome />;
  const me = data?.me;
  return (
    <Page title={texts.home.title(new Date().getHours(), me?.givenName ?? me?.name)} className="home">
      <Greeting home={home} me={me} />
      <div className="grid">
        <AccountsCard home={home} me={me} />
        <UsageCard home={home} me={me} />
        <ServicesCard home={home} me={me} />
        <TicketsCard home={home} me={me} />
      </div>
    </Page>
  );
}
