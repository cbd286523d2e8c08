import "./environment";
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import type { Fetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import type { ExecutionResult } from "graphql";
import { type RefObject, useCallback, useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./page.css";
import "./answer.css";
import "./narrow.css";
import { shown } from "./answer-errors";
import { ErrorList } from "./error-list";
import { exampleTabs } from "./examples";
import { ask, type AnswerFacts, operationOf } from "./fetcher";
import { Header } from "./header";
import { KeyBar } from "./key-bar";
import { fewStops } from "./keyboard";
import { transports } from "./live";
import { LivePanel } from "./live-panel";
import { Notices } from "./notices";
import { contentOf, type EditorContent, opened } from "./opening";
import { settled, signIn, signOut, usePerson } from "./person";
import { storage } from "./storage";
import { useToken } from "./token";
import { ShareButtons, useEditors } from "./toolbar";
import { UpstreamPanel } from "./upstream-panel";
import { useLive } from "./use-live";
import { useVariablesPane } from "./variables-pane";
import { mayChangeData } from "./writing";

const INTROSPECTION = "IntrospectionQuery";
const plugins = [explorerPlugin(), HISTORY_PLUGIN];

/** The tabs of a first visit. GraphiQL shows what the page opens with in the first of them. */
const firstTabs = opened ? [{ query: opened.document, variables: opened.variables || null }, ...exampleTabs] : exampleTabs;

/** What the header has to know of the tabs, which GraphiQL keeps. */
interface Active {
  tab: string | null;
  operationName: string | null;
}

function App() {
  const token = useToken();
  const person = usePerson();
  const [active, setActive] = useState<Active>({ tab: null, operationName: null });
  const [facts, setFacts] = useState<AnswerFacts | null>(null);
  const [said, setSaid] = useState<string | null>(null);
  const live = useLive();
  const editors = useRef<() => EditorContent | null>(() => null);
  const hasToken = (person.token || token.tokenFor(active.operationName)) !== "";

  // GraphiQL asks for the schema again whenever it is given another fetcher, so there is only ever one.
  const latest = useRef({ token, person, live, active });
  latest.current = { token, person, live, active };
  const fetcher = useCallback<Fetcher>(async (sent, options) => {
    const operation = operationOf(sent);
    const request = operation ? { ...sent, operationName: operation.name?.value ?? null } : sent;
    const name = request.operationName ?? null;
    if (operation?.operation === "mutation" && !mayChangeData(name)) throw new Error("Not sent: nothing was changed.");
    if (name !== INTROSPECTION) setSaid(null);
    await settled;
    const { token, person, live, active } = latest.current;
    const bearer = person.token || token.tokenFor(name);
    const askedAs = person.name ?? token.nameFor(name);
    const extraHeaders = options?.headers ?? {};
    if (operation?.operation === "subscription") {
      await live.start(request, live.transport, askedAs, { token: bearer, extraHeaders });
      return { data: null, extensions: { following: `over ${transports[live.transport]}: what comes is shown below` } };
    }
    const { answer, facts } = await ask(request, bearer, { tab: active.tab, askedAs }, extraHeaders);
    if (name === INTROSPECTION) return answer as ExecutionResult;
    setFacts(facts);
    return shown(answer) as unknown as ExecutionResult;
  }, []);

  return (
    <>
      <Header
        person={person}
        onSignIn={() => void signIn(editors.current())}
        onSignOut={() => void signOut(editors.current())}
        token={token}
        operationName={active.operationName}
        transport={live.transport}
        onTransport={live.choose}
      />
      <Notices person={person} hasToken={hasToken} said={said} />
      <main>
        <GraphiQL
          fetcher={fetcher}
          plugins={plugins}
          storage={storage}
          defaultTabs={firstTabs}
          {...(opened ? { initialQuery: opened.document, initialVariables: opened.variables } : {})}
          defaultEditorToolsVisibility="variables"
          showPersistHeadersSettings={false}
          inputValueDeprecation
        >
          <GraphiQL.Logo>
            <span />
          </GraphiQL.Logo>
          <GraphiQL.Toolbar>
            {({ merge, prettify, copy }) => (
              <>
                {prettify}
                {merge}
                {copy}
                <ShareButtons hasToken={hasToken} say={setSaid} />
              </>
            )}
          </GraphiQL.Toolbar>
          <GraphiQL.Footer>
            {facts && facts.tab === active.tab && facts.errors.some(({ count, paths }) => count + paths.length > 1) && (
              <ErrorList groups={facts.errors} more={facts.moreErrors} />
            )}
          </GraphiQL.Footer>
          <Watch onActive={setActive} editors={editors} />
          <SchemaWatch identity={`${person.token !== ""} ${token.choice} ${token.choice === "own" ? token.own : ""}`} />
          <KeyBar />
          {live.following && <LivePanel following={live.following} onStop={live.stop} onClear={live.clear} />}
          {facts && <UpstreamPanel facts={facts} />}
        </GraphiQL>
      </main>
    </>
  );
}

/** Tells what the active tab holds, and keeps GraphiQL as this page wants it. */
function Watch({ onActive, editors }: { onActive(active: Active): void; editors: RefObject<() => EditorContent | null> }) {
  const tab = useGraphiQL(({ tabs, activeTabIndex }) => tabs[activeTabIndex]?.id ?? null);
  const operationName = useGraphiQL(({ tabs, activeTabIndex }) => tabs[activeTabIndex]?.title ?? null);
  useEffect(() => onActive({ tab, operationName }), [tab, operationName, onActive]);
  editors.current = useEditors();
  useVariablesPane();
  useEffect(() => {
    const tabs = document.querySelector(".graphiql-session-header");
    return tabs ? fewStops(tabs) : undefined;
  }, []);
  return null;
}

/** A schema that was refused is asked for again when the visitor turns to another token. */
function SchemaWatch({ identity }: { identity: string }) {
  const { introspect } = useGraphiQLActions();
  const refused = useGraphiQL(({ fetchError }) => fetchError !== null);
  const tried = useRef(identity);
  useEffect(() => {
    if (tried.current === identity) return;
    const timer = setTimeout(() => {
      tried.current = identity;
      if (refused) void introspect();
    }, 300); // a token being typed changes with every key
    return () => clearTimeout(timer);
  }, [identity, refused, introspect]);
  return null;
}

// A link that is followed while the page is open: GraphiQL takes contents at its start only.
addEventListener("hashchange", () => {
  if (contentOf(location.hash)) location.reload();
});

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(<App />);
