/** An operation as a command for a shell. The token stands in it as `$TOKEN`, never as itself. */
import { parse as parseJson, type ParseError } from "jsonc-parser";
import { config } from "./config";
import { operationOf } from "./fetcher";
import type { EditorContent } from "./opening";

export class NotAsCurl extends Error {}

/** In single quotes a POSIX shell changes nothing; a quote itself ends them, stands escaped, and begins them again. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const BETWEEN = " \\\n  ";

/**
 * @throws NotAsCurl when the variables are no JSON object.
 */
export function asCurl({ document, variables }: EditorContent, operationName: string | null, hasToken: boolean): string {
  const operation = operationOf({ query: document, operationName });
  const body = JSON.stringify({
    query: document,
    ...(operation?.name ? { operationName: operation.name.value } : {}),
    ...(variables.trim() ? { variables: read(variables) } : {}),
  });
  const isStream = operation?.operation === "subscription";
  const accept = isStream ? "text/event-stream" : "application/graphql-response+json, application/json;q=0.9";
  return [
    `curl ${isStream ? "-N " : ""}${quoted(new URL(config.endpoint, location.href).href)}`,
    `-H ${quoted("Content-Type: application/json")}`,
    `-H ${quoted(`Accept: ${accept}`)}`,
    ...(hasToken ? ['-H "Authorization: Bearer $TOKEN"'] : []),
    `--data-raw ${quoted(body)}`,
  ].join(BETWEEN);
}

/** The same command on one line; the body has no line breaks of its own. */
export const onOneLine = (command: string): string => command.replaceAll(BETWEEN, " ");

/** The variables, in which the editor allows comments. */
function read(variables: string): object {
  const errors: ParseError[] = [];
  const found: unknown = parseJson(variables, errors, { allowTrailingComma: true });
  if (errors.length > 0 || typeof found !== "object" || found === null || Array.isArray(found)) {
    throw new NotAsCurl("The variables are no JSON object: mend them, then copy again.");
  }
  return found;
}
