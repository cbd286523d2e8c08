import { getOperationAST, type OperationDefinitionNode, parse } from "graphql";
import { type ErrorGroup, groups } from "./answer-errors";
import { config } from "./config";
import type { Plan } from "./plan";
import type { UpstreamCall } from "./waterfall";

export interface GraphQLRequest {
  query: string;
  operationName?: string | null | undefined;
  variables?: unknown;
}

export interface GraphQLFault {
  message: string;
  path?: (string | number)[];
  locations?: unknown;
  extensions?: { code?: string; system?: string; retryable?: boolean };
}

export interface GraphQLAnswer {
  data?: Record<string, unknown> | null;
  errors?: GraphQLFault[];
  extensions?: {
    upstream?: UpstreamCall[];
    explain?: Plan;
    /** Errors beyond the most that an answer may have. */
    moreErrors?: number;
    skipped?: number;
    incomplete?: Incomplete[];
    warnings?: { system: string; message: string }[];
  };
}

/** A list of the answer that lacks rows which its system sent and the gateway cannot read. */
export interface Incomplete {
  path: (string | number)[];
  system: string;
  rows: number;
}

/** What the page shows about the last answer, beside the answer itself. */
export interface AnswerFacts {
  operationName: string | null;
  /** The tab that asked. */
  tab: string | null;
  /** The name of who is signed in or of the demo token, or null for a token that was typed. */
  askedAs: string | null;
  status: number;
  /** From sending to the last byte, as the browser saw it. */
  durationMs: number;
  /** Size of the answer's text before compression. */
  bytes: number;
  /** Whether the request carried a token. */
  hasToken: boolean;
  /** Equal ones together. */
  errors: ErrorGroup[];
  moreErrors: number;
  /** Lists that lack rows. */
  incomplete: Incomplete[];
  /** What the gateway noticed on the way, such as links that lead nowhere. */
  warnings: string[];
  /** Null where the gateway sent no trace: it does so for agents and admins only. */
  upstream: UpstreamCall[] | null;
  /** Null where the gateway sent none: it does so for agents and admins only. */
  plan: Plan | null;
}

/**
 * The operation to run; null where there is none, which the gateway then says in its own words.
 *
 * GraphiQL reads its name from the document a moment after a change, so just after a turn to another tab it still has
 * the name from the tab before.
 */
export function operationOf(request: GraphQLRequest): OperationDefinitionNode | null {
  try {
    const document = parse(request.query);
    return getOperationAST(document, request.operationName) ?? getOperationAST(document) ?? null;
  } catch {
    return null;
  }
}

export class NotAnAnswer extends Error {}

/**
 * Sends one operation and reads its answer.
 *
 * @throws NotAnAnswer when what came back is no GraphQL answer; GraphiQL shows the message.
 */
export async function ask(
  request: GraphQLRequest,
  token: string,
  asked: { tab: string | null; askedAs: string | null },
  extraHeaders: Record<string, string>,
): Promise<{ answer: GraphQLAnswer; facts: AnswerFacts }> {
  const headers: Record<string, string> = {
    "Content-Type": "application/json",
    Accept: "application/graphql-response+json, application/json;q=0.9",
    "X-Gateway-Trace": "1",
    "X-Gateway-Explain": "1",
    ...(token ? { Authorization: `Bearer ${token}` } : {}),
    ...extraHeaders,
  };
  const started = performance.now();
  const response = await fetch(config.endpoint, { method: "POST", headers, body: JSON.stringify(request) });
  const text = await response.text();
  const durationMs = performance.now() - started;

  let answer: GraphQLAnswer;
  try {
    answer = JSON.parse(text) as GraphQLAnswer;
  } catch {
    throw new NotAnAnswer(`${config.endpoint} answered ${response.status} with something that is not JSON: ${text.slice(0, 200)}`);
  }
  const facts: AnswerFacts = {
    operationName: request.operationName ?? null,
    ...asked,
    hasToken: token !== "",
    status: response.status,
    durationMs,
    bytes: new TextEncoder().encode(text).length,
    errors: groups(answer.errors ?? []),
    moreErrors: answer.extensions?.moreErrors ?? 0,
    incomplete: answer.extensions?.incomplete ?? [],
    warnings: (answer.extensions?.warnings ?? []).map(({ system, message }) => `${system}: ${message}`),
    upstream: answer.extensions?.upstream ?? null,
    plan: answer.extensions?.explain ?? null,
  };
  return { answer, facts };
}
