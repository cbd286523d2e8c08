/** What the overview shows, counted from what came: pure functions. */
import type { OpsDashboardQuery } from "../gql/graphql";
import { money, month, number, shortDay, sum } from "../formats";
import type { Point } from "../parts/Plot";

export type Customers = NonNullable<OpsDashboardQuery["customers"]>["nodes"];

const bills = (customers: Customers) =>
  customers.flatMap(({ accounts }) => accounts?.flatMap((account) => account.bills?.nodes ?? []) ?? []);
const tickets = (customers: Customers) => customers.flatMap((customer) => customer.tickets?.nodes ?? []);

/** What is still to be paid of the bills of each month, from the oldest open one on, with months without any. */
export function openByMonth(customers: Customers): Point[] {
  const open = bills(customers).filter(({ isOpen, billDate, remainingAmount }) => isOpen && billDate && remainingAmount);
  const months = open.map(({ billDate }) => (billDate ?? "").slice(0, 7)).sort();
  const [first, last] = [months[0], months.at(-1)];
  if (!first || !last) return [];
  return range(first, last).map((of) => {
    const total = sum(open.filter(({ billDate }) => billDate?.startsWith(of)).flatMap(({ remainingAmount }) => remainingAmount ?? []));
    return { label: month(`${of}-01`), value: Number(total?.amount ?? 0), text: total ? money(total) : number(0) };
  });
}

function range(first: string, last: string): string[] {
  const found = [];
  for (const at = new Date(`${first}-01`); at.toISOString().slice(0, 7) <= last; at.setUTCMonth(at.getUTCMonth() + 1)) {
    found.push(at.toISOString().slice(0, 7));
  }
  return found.slice(-24);
}

const DAYS = 28;
const DAY = 86_400_000;

/** How many tickets were opened on each of the last days before the newest one. */
export function ticketsByDay(customers: Customers): Point[] {
  const opened = tickets(customers).flatMap(({ createdAt }) => (createdAt ? [createdAt.slice(0, 10)] : []));
  const newest = opened.sort().at(-1);
  if (!newest) return [];
  return Array.from({ length: DAYS }, (_, at) => {
    const day = new Date(Date.parse(newest) - (DAYS - 1 - at) * DAY).toISOString().slice(0, 10);
    const value = opened.filter((one) => one === day).length;
    return { label: shortDay(day), value, text: number(value) };
  });
}

export function totals(customers: Customers): { open: string | null; overdue: string | null; tickets: number } {
  const open = bills(customers).filter(({ isOpen }) => isOpen);
  const amount = (some: typeof open) => {
    const total = sum(some.flatMap(({ remainingAmount }) => remainingAmount ?? []));
    return total && money(total);
  };
  return {
    open: amount(open),
    overdue: amount(open.filter(({ isOverdue }) => isOverdue)),
    tickets: tickets(customers).filter(({ isOpen }) => isOpen).length,
  };
}
