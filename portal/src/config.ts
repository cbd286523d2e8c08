/** What the gateway tells the portal: gateway/http/portal.py writes it into the HTML as a JSON data block. */
interface PortalConfig {
  /** Where the portal begins, and where operations are sent: addresses relative to the page's own. */
  root: string;
  endpoint: string;
  /** Ready-made tokens by name, in the order to show; empty outside the demo. */
  demoTokens: Record<string, string>;
  /** Where the demo's systems are stopped and healed; null outside the demo. */
  demoSystems: string | null;
  /** Where the desk reads what the gateway counts. */
  status: string;
  /** Whether there is the page about the gateway's state, and no other. */
  onlyStatus: boolean;
  /** The public client that people sign in as; null where none is set. */
  signIn: { issuer: string; clientId: string; scopes: string } | null;
}

const element = document.getElementById("portal-config");
if (!element) throw new Error("The page has no #portal-config: gateway/http/portal.py did not write this HTML");
const given = JSON.parse(element.textContent) as PortalConfig;

/** Addresses are made absolute at once: the page's own changes with each click. */
const absolute = (address: string) => new URL(address, location.href);

export const config = {
  ...given,
  /** The portal's path, without a slash at its end. */
  base: absolute(given.root).pathname.replace(/\/$/, ""),
  endpoint: absolute(given.endpoint).href,
  status: absolute(given.status).href,
  demoSystems: given.demoSystems && absolute(given.demoSystems).href,
};
