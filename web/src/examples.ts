/** The contract's documents, and three more mutations, as GraphiQL tabs; examples.json says in which order, and for whom each is. */
import settings from "./examples.json";
import AddInternalNote from "./operations/AddInternalNote.graphql";
import AddTicketNote from "./operations/AddTicketNote.graphql";
import AgentSearch from "./operations/AgentSearch.graphql";
import AssignTicket from "./operations/AssignTicket.graphql";
import BillDetail from "./operations/BillDetail.graphql";
import CloseTicket from "./operations/CloseTicket.graphql";
import DeviceTrace from "./operations/DeviceTrace.graphql";
import OpenTicket from "./operations/OpenTicket.graphql";
import OpsDashboard from "./operations/OpsDashboard.graphql";
import OutageChanged from "./operations/OutageChanged.graphql";
import OutageImpact from "./operations/OutageImpact.graphql";
import PayBill from "./operations/PayBill.graphql";
import PortalHome from "./operations/PortalHome.graphql";
import ReopenTicket from "./operations/ReopenTicket.graphql";
import SystemStatus from "./operations/SystemStatus.graphql";
import TicketChanged from "./operations/TicketChanged.graphql";
import TicketThread from "./operations/TicketThread.graphql";
import UpdateContact from "./operations/UpdateContact.graphql";
import UsageGlance from "./operations/UsageGlance.graphql";
import { withFreshKeys } from "./writing";

export interface Example {
  /** The demo token that the document is written for. */
  token: string;
  /** With ids of the sandbox's people, as its default seed makes them. An idempotencyKey is made for every tab. */
  variables: Record<string, unknown>;
}

/** By operation name, in the order of the tabs. */
export const examples: Readonly<Record<string, Example>> = settings;

const documents: Record<keyof typeof settings, string> = {
  PortalHome,
  UsageGlance,
  BillDetail,
  TicketThread,
  AgentSearch,
  OpsDashboard,
  OutageImpact,
  DeviceTrace,
  SystemStatus,
  TicketChanged,
  OutageChanged,
  OpenTicket,
  AddTicketNote,
  AddInternalNote,
  AssignTicket,
  CloseTicket,
  ReopenTicket,
  PayBill,
  UpdateContact,
};

export const exampleTabs = Object.entries(examples).map(([name, { variables }]) => {
  const shown = Object.keys(variables).length > 0 ? JSON.stringify(variables, null, 2) : null;
  return { query: documents[name as keyof typeof documents], variables: shown && (withFreshKeys(shown) ?? shown) };
});

const RESET = "gateway:reset-examples";

/** Forgets the visitor's own tabs and opens the examples again, as on the first visit. */
export function resetExamples(): void {
  sessionStorage.setItem(RESET, "yes");
  location.reload();
}

// Not before the page is left: until then GraphiQL writes its tabs, the last time a moment after they changed.
if (sessionStorage.getItem(RESET) !== null) {
  sessionStorage.removeItem(RESET);
  for (const key of ["tabState", "query", "variables"]) localStorage.removeItem(`graphiql:${key}`);
}
