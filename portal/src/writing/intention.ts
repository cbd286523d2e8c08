/**
 * Writes once, whatever becomes of the answers: one key for each intention, kept with its input until the outcome is
 * definite. docs/writing.md says why it is as it is; docs/writing/pay-bill.ts is the same without a library.
 */
import type { Client, OperationResult, TypedDocumentNode } from "@urql/core";

export interface UserError {
  code: string;
  message: string;
  path: string[];
}

interface Payload {
  userErrors: UserError[];
}

export type Outcome<P> =
  | { kind: "done"; payload: P }
  /** Nothing was done, and the person can do something about it. */
  | { kind: "refused"; userErrors: UserError[] }
  /** No definite outcome. Where it may have happened, it must be gone on with, and nothing new may be begun. */
  | { kind: "open"; code: string; mayHaveHappened: boolean };

/** A mutation, and its field. */
export interface Write<P extends Payload, Input extends object> {
  document: TypedDocumentNode<Record<string, P | null>, { input: Input & { idempotencyKey: string } }>;
  field: string;
}

export function write<Mutation, Field extends keyof Mutation & string, Input extends { idempotencyKey: string }>(
  document: TypedDocumentNode<Mutation, { input: Input }>,
  field: Field,
): Write<NonNullable<Mutation[Field]> & Payload, Omit<Input, "idempotencyKey">> {
  return { document: document as never, field };
}

interface Kept<Input> {
  key: string;
  /** There from the first try on. */
  input?: Input;
}

export const PAUSES = [1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000];
const PATIENCE = 30_000;

/** After these a try surely did nothing. After all others, and after no answer, it may have. */
const NOTHING_DONE = new Set(
  ("WRITE_NOT_DONE FORBIDDEN UNAUTHENTICATED AUTH_UNAVAILABLE BAD_REQUEST BAD_USER_INPUT GRAPHQL_VALIDATION_FAILED " +
    "NOT_CONFIGURED NOT_SUPPORTED RATE_LIMITED OVERLOADED").split(" "),
);

/** What the person wants to do, such as to pay one bill. `place` names it; another person's is another one. */
export class Intention<P extends Payload, Input extends object> {
  private readonly place: string;

  constructor(
    private readonly client: Client,
    private readonly write: Write<P, Input>,
    place: string,
  ) {
    this.place = `portal.write ${place}`;
    if (!this.kept()) this.keep({ key: crypto.randomUUID() }); // the form is shown: the key is made
  }

  /** Whether it was sent before, as before a reload, and has no outcome. */
  get isOpen(): boolean {
    return this.kept()?.input !== undefined;
  }

  /** What was sent before has no outcome yet, so it is sent again as it was, whatever is given now. */
  async send(chosen: Input, onDoubt: () => void): Promise<Outcome<P>> {
    const { key, input: before } = this.kept() ?? { key: crypto.randomUUID() };
    const input = before ?? chosen;
    this.keep({ key, input }); // before it is sent: the page may be reloaded while it waits
    let mayHaveHappened = before !== undefined;
    let code = "NO_ANSWER";
    for (const pause of [0, ...PAUSES]) {
      if (pause) await new Promise((over) => setTimeout(over, pause));
      const tried = await this.tried({ ...input, idempotencyKey: key });
      if (tried.payload) {
        this.begin(); // definite: the next intention gets a key of its own
        const { userErrors } = tried.payload;
        return userErrors.length > 0 ? { kind: "refused", userErrors } : { kind: "done", payload: tried.payload };
      }
      code = tried.code;
      const inDoubt = !NOTHING_DONE.has(code);
      mayHaveHappened ||= inDoubt;
      if (!inDoubt && !tried.retryable) break;
      if (mayHaveHappened) onDoubt();
    }
    if (!mayHaveHappened) this.keep({ key }); // nothing happened: the person may choose anew
    return { kind: "open", code, mayHaveHappened };
  }

  private begin(): void {
    this.keep({ key: crypto.randomUUID() });
  }

  private async tried(input: Input & { idempotencyKey: string }) {
    const late = new Promise<null>((over) => setTimeout(over, PATIENCE, null));
    const result: OperationResult<Record<string, P | null>> | null = await Promise.race([
      this.client.mutation(this.write.document, { input }).toPromise(),
      late,
    ]);
    const extensions = result?.error?.graphQLErrors[0]?.extensions;
    return {
      payload: result?.data?.[this.write.field],
      code: String(extensions?.code ?? "NO_ANSWER"),
      retryable: extensions?.retryable === true,
    };
  }

  private kept(): Kept<Input> | null {
    return JSON.parse(sessionStorage.getItem(this.place) ?? "null");
  }

  private keep(what: Kept<Input>): void {
    sessionStorage.setItem(this.place, JSON.stringify(what));
  }
}
