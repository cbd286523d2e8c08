/** What the page does about operations that change data: a key for each, and a question before the first. */

const KEYS = /("idempotencyKey"\s*:\s*)"[^"]*"/g;

function freshKey(): string {
  // crypto.randomUUID is there in secure contexts only; the gateway may be reached over plain HTTP.
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The same variables, comments and all, with a new key wherever there was one; null where there was none. */
export function withFreshKeys(variables: string): string | null {
  const found = variables.replace(KEYS, (_, before: string) => `${before}"${freshKey()}"`);
  return found === variables ? null : found;
}

const ASKED = "gateway:may-change-data";

/** Whether the visitor wants operations of this browser tab to change data; asked before the first one. */
export function mayChangeData(operationName: string | null): boolean {
  if (sessionStorage.getItem(ASKED) !== null) return true;
  const goesOn = confirm(
    `${operationName ?? "This mutation"} changes data in the systems behind this gateway. Go on?\n\n` +
      "If you do, this browser tab does not ask again.",
  );
  if (goesOn) sessionStorage.setItem(ASKED, "yes");
  return goesOn;
}
