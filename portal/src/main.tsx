import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/shell.css";
import "./styles/parts.css";
import "./styles/pages.css";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { config } from "./config";
import { GraphProvider } from "./graph/context";
import { LiveChanges } from "./live/LiveChanges";
import { Pages } from "./Pages";
import { SessionProvider, useSession } from "./session/session";
import { SignInPage } from "./session/SignInPage";
import { Shell } from "./shell/Shell";

function Portal() {
  const { state, graph } = useSession();
  if (state === "starting") return null;
  if (!graph) {
    return (
      <Shell>
        <SignInPage />
      </Shell>
    );
  }
  return (
    <GraphProvider graph={graph}>
      <LiveChanges>
        <Shell>
          <Pages />
        </Shell>
      </LiveChanges>
    </GraphProvider>
  );
}

const root = document.getElementById("root");
if (!root) throw new Error("The page has no #root");
createRoot(root).render(
  <StrictMode>
    <Router base={config.base}>
      <SessionProvider>
        <Portal />
      </SessionProvider>
    </Router>
  </StrictMode>,
);
