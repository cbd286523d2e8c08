/** Everything that the portal says, in one place: to change a word, or for another language, change this file. */
import type { ChangeKind } from "./gql/graphql";

export const texts = {
  locale: "en-GB",
  brand: "OptiCom",

  shell: {
    skip: "Skip to the content",
    home: "OptiCom, home",
    navigation: "Main",
    signOut: "Sign out",
    theme: { light: "Use dark colours", dark: "Use light colours" },
    foot: "Questions? Call 020 123 456, every day from 8 to 20.",
  },

  navigation: {
    customer: [
      { to: "/", text: "Home" },
      { to: "/bills", text: "Bills" },
      { to: "/tickets", text: "Support" },
      { to: "/contact", text: "Contact details" },
    ],
    desk: [
      { to: "/", text: "Home" },
      { to: "/customers", text: "Customers" },
      { to: "/operations", text: "Operations" },
      { to: "/outages", text: "Outages" },
      { to: "/status", text: "Status" },
    ],
  },

  signIn: {
    title: "Sign in",
    lead: "See your bills, services and support cases in one place.",
    button: "Sign in",
    demo: "This is a demo: choose who you are",
    people: {
      "subscriber 1001": { name: "Ivan Svensson", is: "Customer 1001" },
      agent: { name: "Agent", is: "Works at the service desk" },
      admin: { name: "Admin", is: "Looks after the systems" },
    } as Record<string, { name: string; is: string }>,
    notSet: "Signing in is not set up here yet (auth.browser in the gateway's settings).",
    why: {
      ended: "You were signed out because your session ended. Please sign in again.",
      refused: "Your session is not valid any more. Please sign in again.",
      failed: "Signing in did not work. Please try again in a moment.",
    },
  },

  parts: {
    again: "Try again",
    asking: "Trying again …",
    late: "This takes longer than usual. We are still waiting for it …",
    loading: "Loading …",
    stale: (age: string) => `As of ${age} ago`,
    incomplete: "This list may not be complete.",
    lacking: "Some of this cannot be shown at the moment.",
    reference: (id: string) => `If you call us, please give this number: ${id}`,
    more: "Show more",
    all: "See all",
    required: "This is needed.",
  },

  /** Why something cannot be shown: `what` is "your bills", "the customers" ... */
  problem(code: string, what: string): string {
    switch (code) {
      case "UPSTREAM_TIMEOUT":
      case "DEADLINE_EXCEEDED":
        return `It takes too long to get ${what} just now. Please try again in a moment.`;
      case "UPSTREAM_BUSY":
      case "UPSTREAM_RATE_LIMITED":
      case "OVERLOADED":
      case "RATE_LIMITED":
        return `A lot is going on at the moment, so we cannot show ${what}. Please try again a little later.`;
      case "UPSTREAM_UNAVAILABLE":
      case "UPSTREAM_FAILED":
      case "UPSTREAM_GARBLED":
      case "REQUEST_CANCELLED":
      case "AUTH_UNAVAILABLE":
        return `We cannot show ${what} right now. This is on our side: please try again in a moment.`;
      case "FORBIDDEN":
      case "FORBIDDEN_FIELD":
        return `Your access does not include ${what}.`;
      case "NOT_SUPPORTED":
      case "NOT_CONFIGURED":
        return `We do not offer ${what} here.`;
      case "UPSTREAM_TOO_MUCH":
      case "LIMIT_EXCEEDED":
        return `There is too much to show ${what} at once.`;
      case "NO_ANSWER":
        return `We cannot be reached. Please check your connection, then try again.`;
      default:
        return `Something is wrong on our side, so we cannot show ${what}.`;
    }
  },

  home: {
    title: (hour: number, name: string | null | undefined) =>
      `Good ${hour < 12 ? "morning" : hour < 18 ? "afternoon" : "evening"}${name ? `, ${name}` : ""}`,
    allGood: "Everything is running, and nothing is overdue.",
    outage: (count: number) => (count === 1 ? "One of your services has an outage. We are on it." : `${count} of your services have an outage. We are on it.`),
    overdue: (amount: string) => `${amount} is overdue.`,
    suspended: "Your contract is suspended at the moment.",
    unknownName: "your name",
    desk: { title: "Service desk", lead: "Find a customer, or see how things are." },
    accounts: { title: "Bills and balance", what: "your bills", none: "You have no account with us.", nothingOpen: "Nothing to pay.", balance: "Balance", due: (day: string) => `Due ${day}`, overdue: (day: string) => `Overdue since ${day}`, pay: "Pay", all: "All bills" },
    services: { title: "Services", what: "your services", none: "You have no services with us yet.", broken: "Outage", outage: (name: string, since: string | null) => `${name}${since ? `, since ${since}` : ""}`, report: "Report a problem" },
    usage: { title: "Usage", what: "your usage", none: "There is nothing to count in your plan.", of: (used: string, all: string, unit: string) => `${used} of ${all} ${unit}`, used: (used: string, unit: string) => `${used} ${unit}`, left: (left: string, unit: string) => `${left} ${unit} left`, resets: (day: string) => `Starts again on ${day}` },
    tickets: { title: "Support", what: "your support cases", none: "You have no open cases.", opened: (day: string) => `Opened ${day}`, new: "New case", all: "All cases", more: (count: number) => `${count} open in all` },
  },

  bills: {
    title: "Bills",
    what: "your bills",
    none: "There are no bills here.",
    filter: "Show",
    filters: { ALL: "All", OPEN: "To pay", PAID: "Paid" },
    columns: { number: "Bill", date: "Date", due: "Due", amount: "Amount", state: "State" },
    state: { overdue: "Overdue", open: "To pay", paid: "Paid" },
    bill: (number: string | null | undefined) => `Bill ${number ?? ""}`,
    notFound: "This bill does not exist, or it is not yours.",
    periodOf: "Period",
    period: (from: string, to: string) => `${from} – ${to}`,
    toPay: "To pay",
    left: (amount: string) => `${amount} to pay`,
    total: "Total",
    tax: (amount: string) => `${amount} without tax`,
    due: "Due",
    charges: "What it is for",
    chargesWhat: "the lines of this bill",
    payments: "Payments",
    paymentsWhat: "the payments",
    noPayments: "Nothing has been paid yet.",
    documents: "Documents",
    openFile: (name: string) => `Open ${name}`,
    opening: "Opening …",
    fileFailed: "This document cannot be opened right now.",
    document: "the bill",
    paymentStatus: { INITIALIZED: "under way", PENDING: "under way", DONE: "arrived", FAILED: "failed", CANCELLED: "cancelled", REFUNDED: "paid back", UNKNOWN: "unknown" },
    back: "All bills",
  },

  pay: {
    title: "Pay this bill",
    amount: "Amount",
    hint: (open: string) => `${open} is open. You can also pay a part of it.`,
    amountFormat: (open: string) => `An amount such as ${open}`,
    next: "Continue",
    confirm: (amount: string, bill: string) => `Pay ${amount} for ${bill}?`,
    now: (amount: string) => `Pay ${amount} now`,
    change: "Change the amount",
    paying: "Paying …",
    checking: "We do not know yet whether this was paid. Please do not pay again: we are finding out.",
    checkingStill: "We still do not know whether this was paid. Please do not pay again, and call us.",
    goOn: "Check again",
    done: (amount: string) => `Thank you. Your payment of ${amount} was made.`,
    underWay: (amount: string) => `Thank you. Your payment of ${amount} is under way.`,
    notDone: "This could not be done. Nothing was paid. Please try again in a moment.",
    forbidden: "Paying is not possible here.",
  },

  tickets: {
    title: "Support",
    what: "your support cases",
    none: "There are no cases here.",
    filters: { OPEN: "Open", ENDED: "Closed", ALL: "All" },
    new: "New case",
    notFound: "This case does not exist, or it is not yours.",
    status: { ACKNOWLEDGED: "Received", REJECTED: "Rejected", PENDING: "Waiting for you", HELD: "On hold", IN_PROGRESS: "In progress", CANCELLED: "Cancelled", CLOSED: "Closed", RESOLVED: "Solved", UNKNOWN: "Unknown" },
    opened: (at: string) => `Opened ${at}`,
    updated: (at: string) => `Last change ${at}`,
    expected: (at: string) => `We expect to solve it by ${at}`,
    overdue: (at: string) => `We wanted to solve it by ${at}. It takes longer than we thought.`,
    about: "About",
    thread: "Conversation",
    noNotes: "Nobody has written yet.",
    internal: "Internal",
    makeInternal: "Only for us: the customer does not see it",
    write: "Write to us",
    answer: "Write to the customer",
    send: "Send",
    sending: "Sending …",
    sent: "Your message was sent.",
    close: "Close this case",
    closeQuestion: "Is it solved? The case ends, and you can open a new one at any time.",
    closeNow: "Yes, close it",
    keep: "Keep it open",
    closing: "Closing …",
    closed: "The case is closed.",
    back: "All cases",
    backToCustomer: "To the customer",
    form: {
      title: "New case",
      lead: "Tell us what is wrong, and we take it from there.",
      service: "What is it about?",
      none: "Something else",
      servicesWhat: "your services",
      outage: (name: string, since: string | null) => `We know about this: ${name}${since ? `, since ${since}` : ""}. We are working on it, and you need not write to us.`,
      name: "In a few words",
      description: "What happened?",
      open: "Open the case",
      opening: "Opening …",
      opened: "Your case was opened.",
    },
  },

  contact: {
    title: "Contact details",
    lead: "Where we reach you about bills, repairs and your contract.",
    what: "your contact details",
    email: "E-mail",
    phone: "Phone",
    none: "none",
    change: "Change",
    save: "Save",
    saving: "Saving …",
    cancel: "Cancel",
    saved: "Your contact details were changed.",
  },

  /** What a write's mistakes are called: docs/writing.md has the codes. */
  userError(code: string): string {
    switch (code) {
      case "REQUIRED":
        return "This is needed.";
      case "INVALID":
        return "This does not look right. Please check it.";
      case "TOO_LONG":
        return "This is too long.";
      case "NOT_FOUND":
        return "It is not there any more.";
      case "NOT_ALLOWED":
        return "This is not possible here.";
      case "WRONG_STATE":
        return "This is not possible any more: it has changed in the meantime.";
      case "AMOUNT_TOO_HIGH":
        return "This is more than is open.";
      case "ALREADY_PAID":
        return "This bill is paid already, or a payment is under way.";
      case "CONFLICT":
        return "Somebody else changed it at the same time. Please look at it again.";
      default:
        return "This cannot be done at the moment. Please call us.";
    }
  },

  write: {
    checking: "We do not know yet whether this was done. We are finding out.",
    checkingStill: "We still do not know whether this was done. Please call us, or check again.",
    checkAgain: "Check again",
    notDone: "This could not be done. Please try again in a moment.",
    forbidden: "This is not possible here.",
  },

  live: {
    ticket: (event: ChangeKind, name: string) =>
      ({ CREATED: `New case: ${name}`, CHANGED: `News about “${name}”`, RESOLVED: `Solved: ${name}`, CLOSED: `Closed: ${name}`, REMOVED: "A case was removed." })[event],
    outage: (event: ChangeKind, name: string) =>
      event === "RESOLVED" || event === "CLOSED" || event === "REMOVED" ? `Over: ${name || "an outage"}` : event === "CREATED" ? `New outage: ${name}` : `News about the outage: ${name}`,
  },

  desk: {
    search: { title: "Customers", lead: "By name, number, e-mail, phone, account, bill or ticket number.", label: "Search customers", button: "Search", what: "the customers", none: "Nobody was found.", count: (count: number) => (count === 1 ? "1 customer" : `${count} customers`) },
    customer: { bills: "the bills", servicesWhat: "the services", usageWhat: "the usage", ticketsWhat: "the cases", number: "Customer number", status: "Status", notFound: "There is no such customer.", contact: "Contact", accounts: "Accounts and open bills", services: "Services", usage: "Usage", tickets: "Cases", what: "this customer", back: "All customers" },
    operations: { title: "Operations", short: "Open bills, cases and systems at a glance.", lead: (count: number) => `The first ${count} customers, as they are now.`, what: "the overview", openByMonth: "Open bills by month", ticketsByDay: "Cases by day opened", systems: "Systems", systemsWhat: "the state of the systems", systemUp: "answers", systemDown: "does not answer", systemUnknown: "not asked yet", open: "Still to be paid", overdue: "Of this overdue", tickets: "Open cases", table: "As a table", month: "Month", day: "Day", amount: "Amount", count: "Number" },
    outages: { title: "Outages", lead: "Who is affected by what is broken now, and whom to call.", what: "the outages", none: "Nothing is broken.", since: (at: string) => `Since ${at}`, call: "Whom to call", affected: (count: number | null | undefined) => `${count ?? "?"} services`, hasCase: "has an open case", all: (count: number) => `Show all ${count}` },
    status: { INITIALIZED: "New", ACTIVE: "Active", SUSPENDED: "Suspended", CLOSED: "Closed", UNKNOWN: "Unknown" },
  },

  serviceState: { FEASIBILITY_CHECKED: "Planned", DESIGNED: "Planned", RESERVED: "Reserved", INACTIVE: "Off", ACTIVE: "Running", SUSPENDED: "Suspended", TERMINATED: "Ended", UNKNOWN: "Unknown" },

  demo: {
    open: "Demo",
    title: "Make something break",
    lead: "Each system behind this page is a process of its own. See what the page does without it.",
    close: "Close",
    stop: "Stop",
    slow: "Slow down",
    heal: "Heal",
    state: { well: "well", slow: "slow (2 s)", stopped: "stopped" },
    failed: "The demo does not answer.",
    systems: { crm: "Customers (CRM)", billing: "Billing", inventory: "Network inventory", ticketing: "Ticketing" } as Record<string, string>,
  },

  status: {
    title: "Status",
    lead: (workers: number) => (workers === 1 ? "The gateway and its systems, looked at every two seconds." : `The gateway (${workers} workers) and its systems, looked at every two seconds.`),
    failed: (status: number) => (status === 0 ? "The gateway does not answer. What is shown is what it said last." : status === 403 ? "This page is for agents and admins." : `The gateway answered ${status}. What is shown is what it said last.`),
    perSecond: "Operations per second",
    perSecondLine: "Operations per second in the last two minutes",
    underWay: "Requests under way + waiting",
    lag: "Event loop late by",
    subscriptions: "Subscriptions",
    memory: "Memory",
    turnedAway: "Turned away: overload + rate",
    milliseconds: (seconds: number | undefined) => (seconds === undefined ? "–" : `${(1000 * seconds).toFixed(seconds < 0.01 ? 1 : 0)} ms`),
    megabytes: (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`,
    share: (share: number | undefined) => (share === undefined ? "–" : `${(100 * share).toFixed(0)} %`),
    systems: "Systems",
    systemColumns: ["System", "Calls per second", "95 % within", "Failing", "Breaker", "Shared", "Keys per call", "Repeated"],
    up: (up: boolean | undefined) => (up === undefined ? "not asked yet" : up ? "answers" : "does not answer"),
    calls: "Calls per second in the last two minutes",
    latency: "Time within which 95 % of the calls ended, in the last two minutes",
    failing: "Share of calls that failed, in the last two minutes",
    breaker: (open: string[], tried: string[]) => [open.length && `left in peace: ${open.join(", ")}`, tried.length && `being tried: ${tried.join(", ")}`].filter(Boolean).join("; ") || "closed",
    operations: "Operations, the dearest first",
    operationColumns: ["Operation", "Asked", "95 % within", "Own work, each", "With errors"],
    noOperations: "Nobody has asked anything since this page was opened.",
  },

  notFound: { title: "Not found", text: "There is no page at this address." },
  notForYou: { title: "Not for you", customer: "This page is for customers. You find theirs from the customer's own page.", desk: "This page is for those who work at the service desk." },
  broken: { title: "Something went wrong", text: "This page cannot be shown. That is on our side. The other pages work.", again: "Load it again" },
};
