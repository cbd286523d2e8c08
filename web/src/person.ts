/**
 * Who is signed in (OpenID Connect, authorization code with PKCE). Tokens are in memory only: they end with the page.
 * What waits in sessionStorage while the browser is at the provider is the flow's own state, and the editors' content.
 */
import { InMemoryWebStorage, type User, UserManager, WebStorageStateStore } from "oidc-client-ts";
import { useSyncExternalStore } from "react";
import { config } from "./config";
import { keepForReturn, type EditorContent } from "./opening";

export interface Person {
  /** "busy": on the way to the provider, or just back from it. */
  status: "out" | "busy" | "in";
  name: string | null;
  /** The access token; empty while nobody is signed in. */
  token: string;
  /** Why nobody is signed in, where that is not the visitor's own doing. */
  problem: string | null;
}

const NOBODY: Person = { status: "out", name: null, token: "", problem: null };

let person = NOBODY;
const listeners = new Set<() => void>();

function become(next: Person): void {
  person = next;
  for (const listener of listeners) listener();
}

const because = (doing: string, reason: unknown): string =>
  `${doing}: ${reason instanceof Error ? reason.message : String(reason)}`;

function failed(doing: string, reason: unknown): void {
  become({ ...NOBODY, problem: because(doing, reason) });
}

function signedIn(user: User): void {
  if (user.access_token.split(".").length !== 3) {
    become({ ...NOBODY, problem: "The provider gave a token that is no JWT. docs/identity.md says how it makes one for the gateway." });
    return;
  }
  const { name, preferred_username, email, sub } = user.profile;
  become({ status: "in", name: name ?? preferred_username ?? email ?? sub, token: user.access_token, problem: null });
}

/** The page's own address, to which the provider sends the browser back. */
const here = `${location.origin}${location.pathname}`;

const manager =
  config.signIn &&
  new UserManager({
    authority: config.signIn.issuer,
    client_id: config.signIn.clientId,
    scope: config.signIn.scopes,
    redirect_uri: here,
    post_logout_redirect_uri: here,
    userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
    stateStore: new WebStorageStateStore({ store: sessionStorage }),
    // The library would renew in a frame where there is no refresh token; the policy allows none.
    automaticSilentRenew: false,
  });

manager?.events.addUserLoaded(signedIn);
manager?.events.addAccessTokenExpiring(async () => {
  const user = await manager.getUser();
  if (!user?.refresh_token) return;
  await manager.signinSilent().catch((reason: unknown) => {
    become({ ...person, problem: because("Your sign-in ends soon and could not be renewed", reason) });
  });
});
manager?.events.addAccessTokenExpired(async () => {
  await manager.removeUser();
  become({ ...NOBODY, problem: "Your sign-in has ended." });
});

async function comeBack(): Promise<void> {
  const given = new URLSearchParams(location.search);
  if (!manager || !given.has("state") || !(given.has("code") || given.has("error"))) return;
  become({ ...NOBODY, status: "busy" });
  const answer = location.href;
  history.replaceState(null, "", here);
  await manager.signinCallback(answer).catch((reason: unknown) => failed("Signing in failed", reason));
}

/** Settles once it is known whether the browser has come back from the provider with somebody. */
export const settled = comeBack();

export const canSignIn = manager !== null;

/** Leaves for the provider; the editors' content is there again afterwards. */
export async function signIn(content: EditorContent | null): Promise<void> {
  if (!manager) return;
  if (!window.isSecureContext) {
    failed("Signing in failed", "browsers make the proof (PKCE) on pages over HTTPS, and on this computer's own, only");
    return;
  }
  become({ ...NOBODY, status: "busy" });
  keepForReturn(content);
  await manager.signinRedirect().catch((reason: unknown) => failed("Signing in failed", reason));
}

/** Forgets the tokens, and leaves for the provider to sign out there, where it has an address for that. */
export async function signOut(content: EditorContent | null): Promise<void> {
  if (!manager) return;
  try {
    if (await manager.metadataService.getEndSessionEndpoint()) {
      keepForReturn(content);
      await manager.signoutRedirect();
    } else {
      await manager.removeUser();
    }
    become(NOBODY);
  } catch (reason) {
    await manager.removeUser();
    failed("You are signed out here, but perhaps not at the provider", reason);
  }
}

export function usePerson(): Person {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => person,
  );
}
