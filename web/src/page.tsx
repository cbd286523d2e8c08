import "./environment";
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import type { Fetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import type { ExecutionResult } from "graphql";
import { useCallback, useEffect, useRef, useState } from "react";
import { createRoot } from "react-dom/client";
import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./page.css";
import { exampleTabs } from "./examples";
import { ask, type AnswerFacts, operationOf } from "./fetcher";
import { Header } from "./header";
import { KeyBar } from "./key-bar";
import { transports } from "./live";
import { LivePanel } from "./live-panel";
import { storage } from "./storage";
import { useToken } from "./token";
import { UpstreamPanel } from "./upstream-panel";
import { useLive } from "./use-live";
import { mayChangeData } from "./writing";

const INTROSPECTION = "IntrospectionQuery";
const plugins = [explorerPlugin(), HISTORY_PLUGIN];

function App() {
  const token = useToken();
  const [operationName, setOperationName] = useState<string | null>(null);
  const [facts, setFacts] = useState<AnswerFacts | null>(null);
  const live = useLive();

  // GraphiQL asks for the schema again whenever it is given another fetcher, so there is only ever one.
  const latest = useRef({ token, live });
  latest.current = { token, live };
  const fetcher = useCallback<Fetcher>(async (sent, options) => {
    const operation = operationOf(sent);
    const request = operation ? { ...sent, operationName: operation.name?.value ?? null } : sent;
    const name = request.operationName ?? null;
    if (operation?.operation === "mutation" && !mayChangeData(name)) throw new Error("Not sent: nothing was changed.");
    const { token, live } = latest.current;
    const [bearer, askedAs, extraHeaders] = [token.tokenFor(name), token.nameFor(name), options?.headers ?? {}];
    if (operation?.operation === "subscription") {
      await live.start(request, live.transport, askedAs, { token: bearer, extraHeaders });
      return { data: null, extensions: { following: `over ${transports[live.transport]}: what comes is shown below` } };
    }
    const { answer, facts } = await ask(request, bearer, askedAs, extraHeaders);
    if (name !== INTROSPECTION) setFacts(facts);
    return answer as ExecutionResult;
  }, []);

  return (
    <>
      <Header token={token} operationName={operationName} transport={live.transport} onTransport={live.choose} />
      <GraphiQL
        fetcher={fetcher}
        plugins={plugins}
        storage={storage}
        defaultTabs={exampleTabs}
        defaultEditorToolsVisibility="variables"
        showPersistHeadersSettings={false}
        inputValueDeprecation
      >
        <GraphiQL.Logo>
          <span />
        </GraphiQL.Logo>
        <OperationWatch onChange={setOperationName} />
        <SchemaWatch identity={`${token.choice} ${token.choice === "own" ? token.own : ""}`} />
        <KeyBar />
        {live.following && <LivePanel following={live.following} onStop={live.stop} onClear={live.clear} />}
        {facts && <UpstreamPanel facts={facts} />}
      </GraphiQL>
    </>
  );
}

/** Tells which operation the active tab holds. */
function OperationWatch({ onChange }: { onChange(name: string | null): void }) {
  const name = useGraphiQL(({ tabs, activeTabIndex }) => tabs[activeTabIndex]?.title ?? null);
  useEffect(() => onChange(name), [name, onChange]);
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

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(<App />);
