/** Which page is shown at which address, and to whom. */
import type { ReactNode } from "react";
import { Route, Switch, useLocation } from "wouter";
import { idIn } from "./addresses";
import { BillPage } from "./bills/BillPage";
import { BillsPage } from "./bills/BillsPage";
import { config } from "./config";
import { ContactPage } from "./contact/ContactPage";
import { CustomerPage } from "./desk/CustomerPage";
import { OperationsPage } from "./desk/OperationsPage";
import { OutagesPage } from "./desk/OutagesPage";
import { SearchPage } from "./desk/SearchPage";
import { HomePage } from "./home/HomePage";
import { ErrorBoundary } from "./shell/ErrorBoundary";
import { Page } from "./shell/Page";
import { useKind } from "./shell/useKind";
import { StatusPage } from "./status/StatusPage";
import { texts } from "./texts";
import { NewTicketPage } from "./tickets/NewTicketPage";
import { TicketPage } from "./tickets/TicketPage";
import { TicketsPage } from "./tickets/TicketsPage";

/** A page for customers, or for the desk: the other ones are told so, as when a link is passed on. */
function For({ kind, children }: { kind: "customer" | "desk"; children: ReactNode }) {
  const known = useKind();
  if (!known || known === kind) return children;
  return (
    <Page title={texts.notForYou.title}>
      <p>{texts.notForYou[kind]}</p>
    </Page>
  );
}

export function Pages() {
  const [path] = useLocation();
  if (config.onlyStatus) return <StatusPage />;
  return (
    <ErrorBoundary key={path}>
      <PageAtAddress />
    </ErrorBoundary>
  );
}

function PageAtAddress() {
  return (
    <Switch>
      <Route path="/" component={HomePage} />
      <Route path="/bills"><For kind="customer"><BillsPage /></For></Route>
      <Route path="/bills/:id">{({ id }) => <BillPage key={id} id={idIn(id)} />}</Route>
      <Route path="/tickets"><For kind="customer"><TicketsPage /></For></Route>
      <Route path="/tickets/new"><For kind="customer"><NewTicketPage /></For></Route>
      <Route path="/tickets/:id">{({ id }) => <TicketPage key={id} id={idIn(id)} />}</Route>
      <Route path="/contact"><For kind="customer"><ContactPage /></For></Route>
      <Route path="/customers"><For kind="desk"><SearchPage /></For></Route>
      <Route path="/customers/:id">{({ id }) => <For kind="desk"><CustomerPage key={id} id={idIn(id)} /></For>}</Route>
      <Route path="/operations"><For kind="desk"><OperationsPage /></For></Route>
      <Route path="/outages"><For kind="desk"><OutagesPage /></For></Route>
      <Route path="/status" component={StatusPage} />
      <Route>
        <Page title={texts.notFound.title}>
          <p>{texts.notFound.text}</p>
        </Page>
      </Route>
    </Switch>
  );
}
