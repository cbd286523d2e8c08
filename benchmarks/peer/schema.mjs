// The part of the schema that the benchmark asks for, with a DataLoader for every edge.
import DataLoader from "dataloader";

export const typeDefs = /* GraphQL */ `
  enum CustomerStatus { INITIALIZED ACTIVE SUSPENDED CLOSED UNKNOWN }
  enum BillState { NEW ON_HOLD VALIDATED SENT PARTIALLY_PAID SETTLED UNKNOWN }
  enum ServiceState { RESERVED INACTIVE ACTIVE SUSPENDED TERMINATED UNKNOWN }
  enum TicketStatus { ACKNOWLEDGED REJECTED PENDING HELD IN_PROGRESS CANCELLED CLOSED RESOLVED UNKNOWN }
  enum TicketSeverity { CRITICAL MAJOR MINOR UNKNOWN }
  type Money { amount: String! currency: String! }
  type Bill { id: ID! number: String state: BillState! dueDate: String amountDue: Money account: BillingAccount }
  type BillConnection { nodes: [Bill!]! }
  type BillingAccount {
    id: ID! name: String state: String balance: Money
    bills(first: Int = 20): BillConnection
    customer: Customer
  }
  type Resource { id: ID! name: String kind: String }
  type Service { id: ID! name: String state: ServiceState! startedAt: String resources: [Resource!] }
  type ServiceConnection { nodes: [Service!]! }
  type Ticket { id: ID! name: String status: TicketStatus! severity: TicketSeverity! createdAt: String }
  type TicketConnection { nodes: [Ticket!]! }
  type Customer {
    id: ID! name: String status: CustomerStatus email: String phone: String
    accounts: [BillingAccount!]
    bills(first: Int = 20): BillConnection
    services(first: Int = 20): ServiceConnection
    tickets(first: Int = 20, open: Boolean): TicketConnection
  }
  type CustomerConnection { nodes: [Customer!]! }
  type Query { me: Customer customers(first: Int = 20): CustomerConnection }
`;

const word = (known) => (text) => known.get(text) ?? "UNKNOWN";
const words = (...names) =>
  word(new Map(names.map((name) => [name.toLowerCase().replace(/_(.)/g, (_, letter) => letter.toUpperCase()), name])));

const customerStatus = words("INITIALIZED", "ACTIVE", "SUSPENDED", "CLOSED");
const billState = words("NEW", "ON_HOLD", "VALIDATED", "SENT", "PARTIALLY_PAID", "SETTLED");
const serviceState = words("RESERVED", "INACTIVE", "ACTIVE", "SUSPENDED", "TERMINATED");
const ticketStatus = words(
  ...["ACKNOWLEDGED", "REJECTED", "PENDING", "HELD", "IN_PROGRESS", "CANCELLED", "CLOSED", "RESOLVED"],
);
const severity = words("CRITICAL", "MAJOR", "MINOR");
const ENDED = new Set(["REJECTED", "CANCELLED", "CLOSED", "RESOLVED"]);

const money = ({ value, unit }) => ({ amount: String(value), currency: unit });

const asCustomer = (row) => {
  const said = (row.contactMedium ?? []).map((medium) => medium.characteristic);
  return {
    key: row.id,
    id: `Customer:${row.id}`,
    name: row.name,
    status: customerStatus(row.status),
    email: said.find((one) => one.emailAddress)?.emailAddress,
    phone: said.find((one) => one.phoneNumber)?.phoneNumber,
  };
};
const asAccount = (row) => ({
  key: row.id,
  customerKey: row.relatedParty[0].id,
  id: `BillingAccount:${row.id}`,
  name: row.name,
  state: row.state,
  balance: row.accountBalance?.length ? money(row.accountBalance[0].amount) : null,
});
const asBill = (row) => ({
  accountKey: row.billingAccount.id,
  id: `Bill:${row.id}`,
  number: row.billNo,
  state: billState(row.state),
  dueDate: row.paymentDueDate?.slice(0, 10),
  amountDue: row.amountDue && money(row.amountDue),
});
const asService = (row) => ({
  resourceKeys: (row.supportingService ?? []).flatMap((part) => part.supportingResource.map((ref) => ref.id)),
  id: `Service:${row.id}`,
  name: row.name,
  state: serviceState(row.state),
  startedAt: row.startDate,
});
const asTicket = (row) => ({
  id: `Ticket:${row.id}`,
  name: row.name,
  status: ticketStatus(row.status),
  severity: severity(row.severity),
  createdAt: row.creationDate,
});
const asResource = (row) => ({ id: `Resource:${row.id}`, name: row.name, kind: row.category });

const grouped = (keys, rows, keysOf, made) => {
  const found = new Map(keys.map((key) => [key, []]));
  for (const row of rows) for (const key of keysOf(row)) found.get(key)?.push(made(row));
  return keys.map((key) => found.get(key));
};
const inOrder = (keys, rows, made) => {
  const found = new Map(rows.map((row) => [row.id, made(row)]));
  return keys.map((key) => found.get(key) ?? null);
};
const owners = (row) => row.relatedParty.map((party) => party.id);

/** The loaders of one request; `read(resource, condition)` gives rows. */
export class Loaders {
  constructor(caller, read) {
    const own = (row) => row.relatedParty.some((one) => caller.customers.has(one.id) && one.role === "customer");
    const owned = async (resource, condition) => {
      const rows = await read(resource, condition);
      return caller.isStaff ? rows : rows.filter(own);
    };
    const ofCustomers = (resource, made) =>
      new DataLoader(async (keys) =>
        grouped(keys, await owned(resource, `relatedParty.id=${keys.join()}`), owners, made),
      );
    this.caller = caller;
    this.read = read;
    this.customer = new DataLoader(async (keys) => {
      const seen = caller.isStaff ? keys : keys.filter((key) => caller.customers.has(key));
      return inOrder(keys, seen.length ? await read("customer", `id=${seen.join()}`) : [], asCustomer);
    });
    this.account = new DataLoader(async (keys) =>
      inOrder(keys, await owned("billingAccount", `id=${keys.join()}`), asAccount),
    );
    this.resource = new DataLoader(async (keys) =>
      inOrder(keys, await read("resource", `id=${keys.join()}`), asResource),
    );
    this.accounts = ofCustomers("billingAccount", (row) => {
      const account = asAccount(row);
      this.account.prime(account.key, account);
      return account;
    });
    this.bills = ofCustomers("customerBill", asBill);
    this.services = ofCustomers("service", asService);
    this.tickets = ofCustomers("troubleTicket", asTicket);
    this.billsOfAccount = new DataLoader(async (keys) =>
      grouped(
        keys,
        await owned("customerBill", `billingAccount.id=${keys.join()}`),
        (row) => [row.billingAccount.id],
        asBill,
      ),
    );
  }
}

const page = (rows, first) => ({ nodes: rows.length > first ? rows.slice(0, first) : rows });

export const resolvers = {
  Query: {
    me: (_root, _arguments, { loaders }) => {
      const [key] = loaders.caller.customers;
      return key === undefined ? null : loaders.customer.load(key);
    },
    customers: async (_root, { first }, { loaders }) => {
      if (!loaders.caller.isStaff) throw new Error("customers is for staff");
      const customers = (await loaders.read("customer", "", first)).map(asCustomer);
      for (const customer of customers) loaders.customer.prime(customer.key, customer);
      return { nodes: customers };
    },
  },
  Customer: {
    accounts: ({ key }, _arguments, { loaders }) => loaders.accounts.load(key),
    bills: async ({ key }, { first }, { loaders }) => page(await loaders.bills.load(key), first),
    services: async ({ key }, { first }, { loaders }) => page(await loaders.services.load(key), first),
    tickets: async ({ key }, { first, open }, { loaders }) => {
      const tickets = await loaders.tickets.load(key);
      return page(open == null ? tickets : tickets.filter((one) => !ENDED.has(one.status) === open), first);
    },
  },
  BillingAccount: {
    bills: async ({ key }, { first }, { loaders }) => page(await loaders.billsOfAccount.load(key), first),
    customer: ({ customerKey }, _arguments, { loaders }) => loaders.customer.load(customerKey),
  },
  Bill: { account: ({ accountKey }, _arguments, { loaders }) => loaders.account.load(accountKey) },
  Service: {
    resources: async ({ resourceKeys }, _arguments, { loaders }) =>
      (await loaders.resource.loadMany(resourceKeys)).filter(Boolean),
  },
};
