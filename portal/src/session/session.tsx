/** Who is signed in, and the graph as this person sees it: another person gets another one, with an empty cache. */
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useRef, useState } from "react";
import { config } from "../config";
import { type Graph, graphFor } from "../graph/client";
import type { Provider, SignedIn } from "./oidc";

/** Why nobody is signed in, where there is something to say about it. */
export type Why = "ended" | "refused" | "failed" | null;

interface Session {
  state: "starting" | "out" | "in";
  why: Why;
  person: SignedIn | null;
  graph: Graph | null;
  /** At the provider; in the demo as one of its people. */
  signIn(demoPerson?: string): void;
  signOut(): void;
}

const Context = createContext<Session | null>(null);

/** The demo's person by name: the token itself is never stored. */
const REMEMBERED = "portal.demo-person";

export function SessionProvider({ children }: { children: ReactNode }) {
  const [person, setPerson] = useState<SignedIn | null>(null);
  const [why, setWhy] = useState<Why>(null);
  const [isStarting, setStarting] = useState(true);
  const provider = useRef<Promise<Provider | null>>(null);

  const end = useCallback((reason: Why) => {
    sessionStorage.removeItem(REMEMBERED);
    setWhy(reason);
    setPerson(null);
  }, []);

  const as = useCallback(
    (name: string) => {
      const token = config.demoTokens[name];
      if (token === undefined) return;
      sessionStorage.setItem(REMEMBERED, name);
      setWhy(null);
      setPerson({ name, token: () => token, signOut: async () => end(null) });
    },
    [end],
  );

  useEffect(() => {
    if (provider.current) return; // React runs effects twice while developing: a code counts once
    const { signIn } = config;
    provider.current = signIn ? import("./oidc").then(({ Provider }) => new Provider(signIn, () => end("ended"))) : Promise.resolve(null);
    void provider.current
      .then(async (made) => setPerson((await made?.cameBack()) ?? null))
      .catch(() => setWhy("failed"))
      .finally(() => {
        as(sessionStorage.getItem(REMEMBERED) ?? "");
        setStarting(false);
      });
  }, [as, end]);

  const graph = useMemo(
    () => person && graphFor({ token: person.token, refused: () => end("refused") }),
    [person, end],
  );
  useEffect(() => () => graph?.close(), [graph]);

  const session: Session = {
    state: isStarting ? "starting" : person ? "in" : "out",
    why,
    person,
    graph,
    signIn: (name) => {
      if (name !== undefined) as(name);
      else void provider.current?.then((made) => made?.signIn()).catch(() => setWhy("failed"));
    },
    signOut: () => {
      setWhy(null);
      setPerson(null);
      void person?.signOut();
    },
  };
  return <Context value={session}>{children}</Context>;
}

export function useSession(): Session {
  const session = useContext(Context);
  if (!session) throw new Error("useSession is for what is inside SessionProvider");
  return session;
}
