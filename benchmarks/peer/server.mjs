// The Node peer: GraphQL Yoga, graphql-jit, DataLoader and undici. Set by BENCH_PORT, BENCH_UPSTREAM and BENCH_JWKS.
// With BENCH_WHOLE it reads whole resources, as most are written; without, it asks for what the document needs.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

import { useGraphQlJit } from "@envelop/graphql-jit";
import { GraphQLError } from "graphql";
import { createSchema, createYoga } from "graphql-yoga";
import { createLocalJWKSet, jwtVerify } from "jose";
import { Pool } from "undici";

import { Loaders, resolvers, typeDefs } from "./schema.mjs";

const { BENCH_PORT, BENCH_UPSTREAM, BENCH_JWKS, BENCH_PATHS, BENCH_AUDIENCE, BENCH_ISSUER, BENCH_WHOLE } = process.env;
const MOST_ROWS = 10_000;
const MOST_TOKENS = 4096;
const FIELDS = {
  customer: "contactMedium,id,name,status",
  billingAccount: "accountBalance,id,name,relatedParty,state",
  customerBill: "amountDue,billNo,billingAccount,id,paymentDueDate,relatedParty,state",
  service: "id,name,relatedParty,startDate,state,supportingService",
  resource: "category,id,name",
  troubleTicket: "creationDate,id,name,relatedParty,severity,status",
};
// Attributes that are asked for only where a field that needs them stands in the document.
const NEEDED_BY = {
  accountBalance: ["balance"],
  amountDue: ["amountDue"],
  billNo: ["number"],
  category: ["kind"],
  contactMedium: ["email", "phone"],
  creationDate: ["createdAt"],
  paymentDueDate: ["dueDate"],
  severity: ["severity"],
  startDate: ["startedAt"],
  supportingService: ["resources"],
};
const SORT = { customerBill: "-billDate", troubleTicket: "-creationDate" };

const paths = JSON.parse(BENCH_PATHS);
const pool = new Pool(BENCH_UPSTREAM, { connections: 100, pipelining: 1 });

const projections = new Map();

function projectionOf(document) {
  let found = projections.get(document);
  if (found === undefined) {
    const words = new Set(document.match(/\w+/g));
    const isNeeded = (name) => NEEDED_BY[name]?.some((field) => words.has(field)) ?? true;
    found = Object.fromEntries(
      Object.entries(FIELDS).map(([resource, names]) => [resource, names.split(",").filter(isNeeded).join()]),
    );
    if (projections.size >= MOST_TOKENS) projections.clear();
    projections.set(document, found);
  }
  return found;
}

const reading = (fields) => async (resource, condition, most = MOST_ROWS) => {
  const projection = BENCH_WHOLE ? "" : `&fields=${fields[resource]}`;
  const query = `${condition}${projection}&sort=${SORT[resource] ?? "id"}&limit=${most}`;
  const { statusCode, headers, body } = await pool.request({ method: "GET", path: `${paths[resource]}?${query}` });
  const text = await body.text();
  if (statusCode !== 200) throw new Error(`${resource} answered with ${statusCode}`);
  const rows = JSON.parse(text);
  if (most === MOST_ROWS && Number(headers["x-total-count"]) > rows.length)
    throw new Error(`${resource} has more than ${most} rows under ${condition}`);
  return rows;
};

const keys = createLocalJWKSet(JSON.parse(readFileSync(BENCH_JWKS, "utf8")));
const verified = new Map();

async function callerOf(authorization) {
  const known = verified.get(authorization);
  if (known !== undefined && known.expires > Date.now() / 1000) return known;
  const token = /^bearer (.+)$/i.exec(authorization ?? "")?.[1];
  if (token === undefined) throw refused();
  let payload;
  try {
    ({ payload } = await jwtVerify(token, keys, { audience: BENCH_AUDIENCE, issuer: BENCH_ISSUER }));
  } catch (error) {
    throw refused(error);
  }
  const isStaff = payload.kind === "agent" || payload.kind === "admin";
  const caller = { isStaff, customers: new Set(payload.customer_ids), expires: payload.exp };
  if (verified.size >= MOST_TOKENS) verified.clear();
  verified.set(authorization, caller);
  return caller;
}

const refused = (cause) =>
  new GraphQLError("The token is not accepted.", { originalError: cause, extensions: { http: { status: 401 } } });

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  plugins: [useGraphQlJit({ customJSONSerializer: true })],
  context: async ({ req, params }) => {
    const caller = await callerOf(req.headers.authorization);
    return { loaders: new Loaders(caller, reading(projectionOf(params.query))) };
  },
  logging: false,
  graphiql: false,
  landingPage: false,
  cors: false,
  multipart: false,
});

createServer({ keepAliveTimeout: 75_000 }, yoga).listen(Number(BENCH_PORT), "127.0.0.1");
