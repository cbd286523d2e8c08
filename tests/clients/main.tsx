// The page of the tests: what docs/clients.md gives portal developers does what a test asks for, by `window.portal`.
import { StrictMode, Suspense } from "react";
import { createRoot, type Root } from "react-dom/client";
import { RelayEnvironmentProvider } from "react-relay";
import { apollo } from "./apollo";
import * as apolloPage from "./apollo-page";
import { address, fetched } from "./file";
import { BillFileDocument, TicketDocument, TicketsDocument, AddTicketNoteDocument } from "./graph/graphql";
import { home } from "./home";
import { connection, followTickets } from "./live";
import { Page } from "./Page";
import { ask } from "./plain";
import { problemAt, type Portal } from "./portal";
import { relay } from "./relay";
import { urql } from "./urql";
import * as urqlPage from "./urql-page";
import { once } from "./write";

const given = new URLSearchParams(location.search);
const portal: Portal = { gateway: given.get("gateway")!, token: async () => given.get("token")! };

let losing = false;
const realFetch = window.fetch;
window.fetch = async (...sent) => {
  const answer = await realFetch(...sent);
  if (!losing || !String(sent[1]?.body).includes("idempotencyKey")) return answer;
  losing = false;
  await answer.text(); // it was done, and nobody is told
  throw new TypeError("Failed to fetch");
};

interface Client {
  /** Ids of the tickets that the first page has, and then the first two. */
  pages(): Promise<string[][]>;
  /** What the ticket's notes say, past the cache. */
  notes(id: string): Promise<string[]>;
  home(): Promise<{ name?: string | null; bills: number | null; code?: string }>;
  note(id: string, text: string): Promise<string[]>;
  file(bill: string): Promise<{ name: string; url: string; signedUrl: { url: string } }>;
  /** Calls `told` with what each message says of the ticket's notes. */
  follow(id: string, told: (notes: string[]) => void): void;
}

type Edges = { edges: { node: { id: string } }[] } | null | undefined;
type Notes = { notes: { text: string | null }[] };
const ids = (list: Edges) => (list?.edges ?? []).map(({ node }) => node.id);
const texts = (ticket: object | null | undefined) => ((ticket as Notes | null)?.notes ?? []).map(({ text }) => text ?? "");
const file = (found: unknown) => found as Awaited<ReturnType<Client["file"]>>;

function apolloClient(): Client {
  const client = apollo(portal, connection(portal, () => {}));
  return {
    async pages() {
      const list = apolloPage.tickets(client, 2);
      const shown: string[][] = [];
      const following = list.subscribe(({ loading, data }) => {
        if (!loading) shown.push(ids(data?.me?.tickets as Edges));
        waiting.splice(0).forEach((wake) => wake());
      });
      while (shown.length < 1) await new Promise<void>((wake) => waiting.push(wake));
      await apolloPage.more(list);
      while (shown.length < 2) await new Promise<void>((wake) => waiting.push(wake));
      following.unsubscribe();
      return shown;
    },
    notes: async (id) => texts((await apolloPage.ticket(client, id)).data?.node),
    async home() {
      const { me, bills } = await apolloPage.home(client);
      return { name: me?.name, bills: me?.bills?.edges.length ?? null, code: bills?.extensions?.code };
    },
    note: async (id, text) => texts((await apolloPage.addNote(client, id, text)).ticket),
    file: async (bill) => file(await apolloPage.billFile(client, bill)),
    follow(id, told) {
      apolloPage.follow(client, [id], ({ ticketChanged }) => told(texts(ticketChanged.ticket)));
    },
  };
}

function urqlClient(): Client {
  const client = urql(portal, connection(portal, () => {}));
  return {
    async pages() {
      const first = (await urqlPage.tickets(client, 2)).data?.me?.tickets;
      const both = (await urqlPage.tickets(client, 2, first?.pageInfo.endCursor)).data?.me?.tickets;
      return [ids(first), ids(both)];
    },
    notes: async (id) => texts((await urqlPage.ticket(client, id)).data?.node),
    async home() {
      const { me, bills } = await urqlPage.home(client);
      return { name: me?.name, bills: me?.bills?.edges.length ?? null, code: bills?.extensions?.code };
    },
    note: async (id, text) => texts((await urqlPage.addNote(client, id, text)).ticket),
    file: async (bill) => file(await urqlPage.billFile(client, bill)),
    follow(id, told) {
      urqlPage.follow(client, [id], ({ ticketChanged }) => told(texts(ticketChanged.ticket)));
    },
  };
}

function plainClient(): Client {
  return {
    async pages() {
      const first = (await ask(portal, TicketsDocument, { first: 2 })).data?.me?.tickets;
      const next = (await ask(portal, TicketsDocument, { first: 2, after: first?.pageInfo.endCursor })).data?.me?.tickets;
      return [ids(first), [...ids(first), ...ids(next)]];
    },
    notes: async (id) => texts((await ask(portal, TicketDocument, { id })).data?.node),
    async home() {
      const shown: Awaited<ReturnType<Client["home"]>>[] = [];
      await home(portal, (me, why) =>
        shown.push({ name: me?.name, bills: me?.bills?.edges.length ?? null, code: why?.extensions?.code }),
      );
      stages = shown;
      return shown.at(-1)!;
    },
    async note(id, text) {
      const written = await once(`note on ${id}`, { ticketId: id, text }, async (input) => {
        const { data } = await ask(portal, AddTicketNoteDocument, { input });
        return data?.addTicketNote;
      });
      return texts(written.ticket);
    },
    file: async (bill) => file((await ask(portal, BillFileDocument, { id: bill })).data?.bill?.documents[0]),
    follow: (id, told) => void followTickets(portal, [id], ({ ticket }) => told(texts(ticket)), () => {}),
  };
}

let stages: unknown[] = [];
const clients: Record<string, Client> = { apollo: apolloClient(), urql: urqlClient(), plain: plainClient() };
const said: Record<string, string[]> = {};
const waiting: (() => void)[] = [];

let root: Root | undefined;

const control = {
  pages: (name: string) => clients[name]!.pages(),
  notes: (name: string, id: string) => clients[name]!.notes(id),
  home: (name: string) => clients[name]!.home(),
  /** What `home` showed, one after the other. */
  stages: () => stages,
  note: (name: string, id: string, text: string) => clients[name]!.note(id, text),
  /** The answer to the next write is lost on its way. Whether the write says so. */
  async lostNote(name: string, id: string, text: string) {
    losing = true;
    return clients[name]!.note(id, text).then(
      () => "an answer",
      (error) => String(error),
    );
  },
  lose: () => void (losing = true),
  /** How the file begins, got with the token and by its signed address; and that. */
  async file(name: string, bill: string) {
    const { url, signedUrl } = await clients[name]!.file(bill);
    const [own, signed] = [await fetched(portal, url), address(portal, signedUrl)];
    const starts = await Promise.all([own, signed].map(async (at) => (await (await realFetch(at)).text()).slice(0, 5)));
    URL.revokeObjectURL(own);
    return [starts, signed];
  },
  /** Shows the address in a frame, as a page would. */
  async frame(at: string) {
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.src = at;
  },
  follow: (name: string, id: string) =>
    clients[name]!.follow(id, (notes) => {
      said[name] = notes;
      waiting.splice(0).forEach((wake) => wake());
    }),
  async told(name: string, text: string) {
    while (!said[name]?.includes(text)) await new Promise<void>((wake) => waiting.push(wake));
    return true;
  },
  async text(query: string) {
    const answer = await ask(portal, query, {});
    return [answer.data ?? null, problemAt(answer.errors, "me")?.extensions?.code];
  },
  leave: () => root?.unmount(),
  /** Shows Relay's page, with an empty store. */
  relay() {
    root = createRoot(document.body.appendChild(document.createElement("div")));
    const environment = relay(portal, connection(portal, () => {}));
    root.render(
      <StrictMode>
        <RelayEnvironmentProvider environment={environment}>
          <Suspense fallback={<p>Loading</p>}>
            <Page portal={portal} />
          </Suspense>
        </RelayEnvironmentProvider>
      </StrictMode>,
    );
  },
};

Object.assign(window, { control });
