/**
 * Pays a bill once, whatever becomes of the answers: one key per intention, kept until the outcome is definite.
 * For a page in a browser, without dependencies. docs/writing.md says why it is as it is.
 */

const PAY_BILL = `mutation PayBill($input: PayBillInput!) {
  payBill(input: $input) {
    payment { id status amount { amount currency } paidAt }
    bill { id state remainingAmount { amount currency } }
    userErrors { code message path }
  }
}`;

/** Amounts are texts, such as "25.66": a number would be rounded. */
export interface Money {
  amount: string;
  currency: string;
}

/** What the person chose. */
export interface Choice {
  /** Left out: all that is open of the bill. */
  amount?: Money;
  /** What the payment provider gave the page; never the number of a card. */
  paymentMethodToken?: string;
}

export interface Portal {
  endpoint: string;
  token(): string | Promise<string>;
  /** `sessionStorage`: it survives a reload, and ends with the browser's tab. */
  storage: Pick<Storage, "getItem" | "setItem" | "removeItem">;
  /** Milliseconds before each further try. */
  pauses: readonly number[];
  /** Milliseconds after which no answer is expected any more. */
  patience: number;
}

export const BROWSER: Omit<Portal, "token"> = {
  endpoint: "/graphql",
  storage: globalThis.sessionStorage,
  pauses: [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000],
  patience: 30_000,
};

export interface UserError {
  code: string;
  message: string;
  path: string[];
}

export type Outcome =
  /** The payment was made; null is what could not be read afterwards. */
  | { kind: "done"; payment: { id: string; status: string; amount: Money } | null; bill: object | null }
  /** Nothing was done, and the person can do something about it. */
  | { kind: "refused"; userErrors: UserError[] }
  /** No definite outcome: `code` says why. Where it may have happened, go on with `goOn`, and offer no new payment. */
  | { kind: "open"; code: string; mayHaveHappened: boolean };

/** What is kept of an intention; `input` is there from the first try on. */
interface Kept {
  key: string;
  input?: Choice & { billId: string };
}

/** Call it when the form is shown. After a reload it is the same key again. */
export function begin(portal: Portal, billId: string): string {
  const known = kept(portal, billId);
  if (known) return known.key;
  const key = crypto.randomUUID();
  keep(portal, billId, { key });
  return key;
}

/** Call it when the button is pressed. What was sent before, and has no outcome yet, is sent again as it was. */
export async function payBill(portal: Portal, billId: string, choice: Choice): Promise<Outcome> {
  const key = begin(portal, billId);
  const before = kept(portal, billId)?.input;
  const input = before ?? { billId, ...choice };
  keep(portal, billId, { key, input }); // before it is sent: the page may be reloaded while it waits
  return settled(portal, key, input, before !== undefined);
}

/** Call it when the page is loaded: it finds out about a payment without an outcome. Null where there is none. */
export async function goOn(portal: Portal, billId: string): Promise<Outcome | null> {
  const known = kept(portal, billId);
  return known?.input ? settled(portal, known.key, known.input, true) : null;
}

async function settled(portal: Portal, key: string, input: NonNullable<Kept["input"]>, sent: boolean): Promise<Outcome> {
  let mayHaveHappened = sent;
  let found: Answer = { outcome: null, code: "NO_ANSWER", inDoubt: true, again: true };
  for (const pause of [0, ...portal.pauses]) {
    if (pause > 0) await new Promise((done) => setTimeout(done, pause));
    found = await asked(portal, { idempotencyKey: key, ...input });
    if (found.outcome) {
      portal.storage.removeItem(place(input.billId)); // definite: the next intention gets a key of its own
      return found.outcome;
    }
    mayHaveHappened ||= found.inDoubt;
    if (!found.again) break;
  }
  if (!mayHaveHappened) keep(portal, input.billId, { key }); // nothing happened: the person may choose anew
  return { kind: "open", code: found.code, mayHaveHappened };
}

interface Answer {
  outcome: Outcome | null;
  code: string;
  /** Whether this try may have done it. */
  inDoubt: boolean;
  again: boolean;
}

/** After these a try surely did nothing. After all others, and after no answer, it may have. */
const NOTHING_DONE = new Set([
  "WRITE_NOT_DONE",
  "FORBIDDEN",
  "UNAUTHENTICATED",
  "AUTH_UNAVAILABLE",
  "BAD_REQUEST",
  "BAD_USER_INPUT",
  "GRAPHQL_VALIDATION_FAILED",
  "NOT_CONFIGURED",
  "NOT_SUPPORTED",
]);

async function asked(portal: Portal, input: object): Promise<Answer> {
  let body: any;
  try {
    const response = await fetch(portal.endpoint, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/graphql-response+json",
        Authorization: `Bearer ${await portal.token()}`,
      },
      body: JSON.stringify({ query: PAY_BILL, variables: { input } }),
      signal: AbortSignal.timeout(portal.patience),
    });
    body = await response.json();
  } catch {
    body = null; // cut off, too late, or a page of something between: nobody knows what happened
  }
  const payload = body?.data?.payBill;
  if (payload) {
    const { payment, bill, userErrors } = payload;
    const outcome: Outcome = userErrors.length > 0 ? { kind: "refused", userErrors } : { kind: "done", payment, bill };
    return { outcome, code: "", inDoubt: false, again: false };
  }
  const { code = "NO_ANSWER", retryable = false } = body?.errors?.[0]?.extensions ?? {};
  const inDoubt = !NOTHING_DONE.has(code);
  return { outcome: null, code, inDoubt, again: inDoubt || retryable };
}

function place(billId: string): string {
  return `payBill ${billId}`;
}

function kept(portal: Portal, billId: string): Kept | null {
  return JSON.parse(portal.storage.getItem(place(billId)) ?? "null");
}

function keep(portal: Portal, billId: string, what: Kept): void {
  portal.storage.setItem(place(billId), JSON.stringify(what));
}
