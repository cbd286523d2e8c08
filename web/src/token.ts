/**
 * Which bearer token a request carries. Kept in sessionStorage only: it ends with the browser tab.
 * Ready-made tokens are kept by name, since the demo makes new ones at every start.
 */
import { useCallback, useState } from "react";
import { config } from "./config";
import { examples } from "./examples";

/** "match" takes the token that the operation is written for; "own" what was typed; anything else names a demo token. */
export type Choice = "match" | "own" | (string & {});

export interface TokenState {
  choice: Choice;
  own: string;
  /** The demo token's name that an operation would be sent with, or null for one that was typed (or none). */
  nameFor(operationName: string | null): string | null;
  tokenFor(operationName: string | null): string;
  choose(choice: Choice): void;
  type(token: string): void;
}

export const tokenNames = Object.keys(config.demoTokens);

const CHOICE_KEY = "gateway:token-choice";
const OWN_KEY = "gateway:token";

function storedChoice(): Choice {
  const stored = sessionStorage.getItem(CHOICE_KEY);
  if (stored === "own" || tokenNames.length === 0) return "own";
  return stored !== null && tokenNames.includes(stored) ? stored : "match";
}

export function useToken(): TokenState {
  const [choice, setChoice] = useState(storedChoice);
  const [own, setOwn] = useState(() => sessionStorage.getItem(OWN_KEY) ?? "");

  const choose = useCallback((next: Choice) => {
    sessionStorage.setItem(CHOICE_KEY, next);
    setChoice(next);
  }, []);

  const type = useCallback(
    (token: string) => {
      sessionStorage.setItem(OWN_KEY, token);
      setOwn(token);
      choose("own");
    },
    [choose],
  );

  function nameFor(operationName: string | null): string | null {
    if (choice === "own") return null;
    if (choice !== "match") return choice;
    const suited = operationName === null ? undefined : examples[operationName]?.token;
    return tokenNames.find((name) => name === suited) ?? tokenNames[0] ?? null;
  }

  function tokenFor(operationName: string | null): string {
    const name = nameFor(operationName);
    // Pasting from a curl line brings the scheme along.
    return name === null ? own.trim().replace(/^Bearer\s+/i, "") : (config.demoTokens[name] ?? "");
  }

  return { choice, own, nameFor, tokenFor, choose, type };
}
