/** Which page is shown at which address. */
import { Route, Switch } from "wouter";
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
import { Page } from "./shell/Page";
import { StatusPage } from "./status/StatusPage";
import { texts } from "./texts";
import { NewTicketPage } from "./tickets/NewTicketPage";
import { TicketPage } from "./tickets/TicketPage";
import { TicketsPage } from "./tickets/TicketsPage";

export function Pages() {
  if (config.onlyStatus) return <StatusPage />;
  return (
    <Switch>
      <Route path="/" component={HomePage} />
      <Route path="/bills" component={BillsPage} />
      <Route path="/bills/:id">{({ id }) => <BillPage key={id} id={idIn(id)} />}</Route>
      <Route path="/tickets" component={TicketsPage} />
      <Route path="/tickets/new" component={NewTicketPage} />
      <Route path="/tickets/:id">{({ id }) => <TicketPage key={id} id={idIn(id)} />}</Route>
      <Route path="/contact" component={ContactPage} />
      <Route path="/customers" component={SearchPage} />
      <Route path="/customers/:id">{({ id }) => <CustomerPage key={id} id={idIn(id)} />}</Route>
      <Route path="/operations" component={OperationsPage} />
      <Route path="/outages" component={OutagesPage} />
      <Route path="/status" component={StatusPage} />
      <Route>
        <Page title={texts.notFound.title}>
          <p>{texts.notFound.text}</p>
        </Page>
      </Route>
    </Switch>
  );
}
