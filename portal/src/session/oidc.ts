/** Signing in by OpenID Connect, code flow with PKCE. Tokens stay in memory, and are renewed before they end. */
import { InMemoryWebStorage, type User, UserManager, WebStorageStateStore } from "oidc-client-ts";
import { config } from "../config";

export interface SignedIn {
  name: string;
  token(): string;
  signOut(): Promise<void>;
}

const PAUSE = 5_000;

export class Provider {
  private readonly manager: UserManager;
  private token = "";

  /** `ended` is called when the token has ended and could not be renewed. */
  constructor({ issuer, clientId, scopes }: NonNullable<typeof config.signIn>, ended: () => void) {
    const here = location.origin + config.base;
    this.manager = new UserManager({
      authority: issuer,
      client_id: clientId,
      scope: scopes,
      redirect_uri: here,
      post_logout_redirect_uri: here,
      userStore: new WebStorageStateStore({ store: new InMemoryWebStorage() }),
      stateStore: new WebStorageStateStore({ store: sessionStorage }), // for the way there and back: no token in it
      automaticSilentRenew: false, // its frame would be another host's: see renew
    });
    this.manager.events.addAccessTokenExpiring(() => void this.renew());
    this.manager.events.addAccessTokenExpired(ended);
    this.manager.events.addUserLoaded((user) => void (this.token = user.access_token));
  }

  /** Goes to the provider; it comes back to the page that it was called on. */
  async signIn(): Promise<void> {
    const comesBackTo = location.pathname + location.search;
    await this.manager.signinRedirect({ state: comesBackTo });
  }

  /** Whoever has just come back from the provider; null where nobody has. Throws where the provider refused. */
  async cameBack(): Promise<SignedIn | null> {
    const said = new URLSearchParams(location.search);
    if (!said.has("state")) return null;
    if (!said.has("code") && !said.has("error")) return this.cameBackSignedOut();
    try {
      const user = await this.manager.signinCallback();
      return user ? this.person(user) : null;
    } finally {
      this.forgetAddress();
    }
  }

  private async cameBackSignedOut(): Promise<null> {
    await this.manager.signoutCallback().catch(() => {}); // of a sign-out in another tab: there is nothing to end here
    this.forgetAddress();
    return null;
  }

  /** The code stands in the address once only: a reload would send it again. */
  private forgetAddress(path = config.base): void {
    history.replaceState(null, "", path);
  }

  private person(user: User): SignedIn {
    this.token = user.access_token;
    if (typeof user.state === "string" && user.state.startsWith(config.base)) {
      const wanted = user.state;
      queueMicrotask(() => this.forgetAddress(wanted));
    }
    return {
      name: user.profile.name ?? user.profile.preferred_username ?? user.profile.sub,
      token: () => this.token,
      signOut: async () => {
        // Without an address for it at the provider the session there stays: this page has forgotten the token anyway.
        await this.manager.signoutRedirect().catch(() => this.manager.removeUser());
      },
    };
  }

  /** By the refresh token, where the provider gives one; without one the token just ends. */
  private async renew(): Promise<void> {
    const user = await this.manager.getUser();
    if (!user?.refresh_token || user.expired) return;
    await this.manager.signinSilent().catch(() => setTimeout(() => void this.renew(), PAUSE));
  }
}
