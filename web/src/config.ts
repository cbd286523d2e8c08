/** What the gateway tells the page: gateway/http/graphiql.py writes it into the HTML as a JSON data block. */
export interface GatewayConfig {
  /** Where operations are sent: an address relative to the page's own. */
  endpoint: string;
  /** Set on every <style> element that the editor makes, so that the Content-Security-Policy lets it in. */
  styleNonce: string;
  /** Ready-made tokens by name, in the order to show; empty outside the demo. */
  demoTokens: Record<string, string>;
  /** The client as which people sign in (OpenID Connect); null where the settings name none. */
  signIn: { issuer: string; clientId: string; scopes: string } | null;
}

const element = document.getElementById("gateway-config");
if (!element) throw new Error("The page has no #gateway-config: gateway/http/graphiql.py did not write this HTML");

export const config = JSON.parse(element.textContent) as GatewayConfig;
