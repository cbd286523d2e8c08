// Each client follows a ticket, is told of a note, loses its connection, misses a note, and reads it. All follow the
// same one, and each looks at its own notes.
// Two go on over the end of their token instead, which they have from the address `short`.
// node clients.mjs '{"endpoint": ..., "token": ..., "short": ..., "ticket": ..., "clients": [...], "renewing": [...]}'
// prints what each saw, as JSON.
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache, Observable, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { print } from "graphql";
import { createClient as createSseClient } from "graphql-sse";
import { followOverSse, followOverWebSocket, webSocket } from "./follow.ts";

const { endpoint, token, short, ticket: id, clients, renewing } = JSON.parse(process.argv[2]);
const authorization = `Bearer ${token}`;

const FOLLOWED = "subscription($ids: [ID!]) { ticketChanged(ids: $ids) { ticket { id notes { text } } event } }";
const READ = "query($id: ID!) { ticket(id: $id) { id notes { text } } }";
const NOTE = "mutation($input: AddTicketNoteInput!) { addTicketNote(input: $input) { ticket { id } userErrors { message } } }";

async function ask(query, variables, at = endpoint) {
  const headers = { "Content-Type": "application/json", authorization };
  const answer = await fetch(at, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

const note = (text) => ask(NOTE, { input: { idempotencyKey: randomUUID(), ticketId: id, text } });

/** A line to the gateway that can be cut: what is open is reset, and what comes then is, too, until it is mended. */
async function cuttable() {
  const { hostname, port } = new URL(endpoint);
  const ends = new Set();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) return near.resetAndDestroy(); // It goes on to listen, or the system could give its port to another.
    const far = connect(Number(port), hostname);
    for (const [one, other] of [[near, far], [far, near]]) {
      ends.add(one);
      one.on("error", () => {});
      one.on("close", () => (ends.delete(one), other.destroy()));
      one.pipe(other);
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    endpoint: `http://127.0.0.1:${server.address().port}/graphql`,
    cut() {
      isCut = true;
      for (const one of ends) one.resetAndDestroy();
    },
    mend() {
      isCut = false;
    },
  };
}

/** What is put is waited for. */
function queue() {
  const values = [];
  let wake = () => {};
  return {
    put(value) {
      values.push(value);
      wake();
    },
    async until(fits) {
      for (;;) {
        while (values.length > 0) {
          const value = values.shift();
          if (fits(value)) return value;
        }
        await new Promise((done) => (wake = done));
      }
    },
  };
}

/** Starts each client: it calls `portal.show` with messages and `portal.readAgain` when it is connected; returns its end. */
const starts = {
  "graphql-ws": (portal, subscription) => {
    const client = webSocket(portal);
    followOverWebSocket(client, portal, subscription);
    return () => client.dispose();
  },
  "graphql-sse": (portal, subscription) => followOverSse(portal, subscription),
  "Apollo over WebSocket": (portal, subscription) => {
    const client = webSocket(portal);
    const stop = apollo(portal, new GraphQLWsLink(client), subscription);
    return () => (stop(), client.dispose());
  },
  "Apollo over SSE": (portal, subscription) => {
    const client = sse(portal);
    const link = new ApolloLink(
      (operation) =>
        new Observable((sink) =>
          client.subscribe(
            { query: print(operation.query), variables: operation.variables, operationName: operation.operationName },
            { next: (answer) => sink.next(answer), error: (error) => sink.error(error), complete: () => sink.complete() },
          ),
        ),
    );
    const stop = apollo(portal, link, subscription);
    return () => (stop(), client.dispose());
  },
  "urql over WebSocket": (portal, subscription) => {
    const client = webSocket(portal);
    const stop = urql(portal, client, subscription);
    return () => (stop(), client.dispose());
  },
  "urql over SSE": (portal, subscription) => {
    const client = sse(portal);
    const stop = urql(portal, client, subscription);
    return () => (stop(), client.dispose());
  },
  "urql by itself": (portal, { query, variables }) => {
    // Its own SSE: it connects when it is told to, and never again; so the page does, when it has failed. It is not
    // unsubscribed from: urql aborts its fetch then, at times with a rejection that nobody handles.
    const client = new Client({
      url: portal.endpoint,
      exchanges: [fetchExchange],
      fetchSubscriptions: true,
      preferGetMethod: false,
      fetchOptions: { headers: { authorization } },
      fetch: async (...sent) => {
        const answer = await fetch(...sent);
        if (answer.ok) portal.readAgain();
        return answer;
      },
    });
    let isOver = false;
    const again = () => {
      client.subscription(query, variables).subscribe(({ data, error }) => {
        if (data) portal.show({ data });
        if (error && !isOver) setTimeout(again, portal.pause);
      });
    };
    again();
    return () => (isOver = true);
  },
};

function sse({ endpoint: url, readAgain, pause }) {
  const retry = () => new Promise((done) => setTimeout(done, pause));
  return createSseClient({ url, headers: { authorization }, retryAttempts: 1000, retry, on: { connected: readAgain } });
}

function apollo({ show, gaveUp }, live, { query, variables }) {
  const client = new ApolloClient({ link: live, cache: new InMemoryCache() });
  const following = client.subscribe({ query: gql(query), variables }).subscribe({
    next: ({ data, error }) => (error ? gaveUp(error) : show({ data })),
    error: gaveUp,
  });
  return () => (following.unsubscribe(), client.stop());
}

function urql({ endpoint: url, show, gaveUp }, live, { query, variables }) {
  const forwardSubscription = ({ query = "", variables }) => ({
    subscribe: (sink) => ({ unsubscribe: live.subscribe({ query, variables }, sink) }),
  });
  const exchanges = [subscriptionExchange({ forwardSubscription }), fetchExchange];
  const following = new Client({ url, exchanges, preferGetMethod: false })
    .subscription(query, variables)
    .subscribe(({ data, error }) => (error ? gaveUp(error) : show({ data })));
  return () => following.unsubscribe();
}

/** A portal in which what is told and read can be waited for, and only the notes of one client are looked at. */
function portalOf(name, address, tokenNow) {
  const notesOf = (ticket) => ticket.notes.map(({ text }) => text).filter((text) => text.startsWith(`${name}: `));
  const told = queue();
  const read = queue();
  return {
    read,
    endpoint: address,
    pause: 20,
    renewal: 100,
    token: async () => tokenNow(),
    readAgain: () => ask(READ, { id }, address).then(({ ticket }) => read.put(notesOf(ticket)), () => {}),
    show: ({ data }) => told.put(data.ticketChanged),
    gaveUp: (reason) => {
      throw new Error(`${name} gave up: ${reason?.message ?? JSON.stringify(reason)}`);
    },
    async toldOf(what) {
      await note(`${name}: ${what}`);
      const { ticket, event } = await told.until(({ ticket }) => notesOf(ticket).includes(`${name}: ${what}`));
      return { event, notes: notesOf(ticket) };
    },
  };
}

const subscription = { query: FOLLOWED, variables: { ids: [id] } };

async function cutStory(name) {
  const line = await cuttable();
  const portal = portalOf(name, line.endpoint, () => token);
  const stop = starts[name](portal, subscription);
  const seen = { atFirst: await portal.read.until(() => true), first: await portal.toldOf("first") };
  line.cut();
  await note(`${name}: while it was away`);
  line.mend();
  seen.readAgain = await portal.read.until(() => true);
  seen.last = await portal.toldOf("last");
  stop();
  return [name, seen];
}

async function renewalStory(client) {
  const name = `${client} with a fresh token`;
  let ending;
  const portal = portalOf(name, endpoint, async () => (ending ? token : (ending = await (await fetch(short)).text())));
  let connected = 0;
  const { readAgain } = portal;
  portal.readAgain = () => ((connected += 1), readAgain());
  const stop = starts[client](portal, subscription);
  await portal.read.until(() => true);
  const { exp } = JSON.parse(atob(ending.split(".")[1]));
  const left = exp * 1000 - Date.now() + 600; // until the gateway has surely looked at it, which it does four times a second
  await new Promise((done) => setTimeout(done, Math.max(left, 1)));
  const last = await portal.toldOf("last");
  stop();
  return [name, { connected, last }];
}

const stories = await Promise.all([...clients.map(cutStory), ...renewing.map(renewalStory)]);
console.log(JSON.stringify(Object.fromEntries(stories)));
process.exit(0); // Some of them keep timers for a while.
