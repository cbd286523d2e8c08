/** Systems that have a colour of their own in page.css; any other gets the neutral one. */
const KNOWN_SYSTEMS = new Set(["crm", "billing", "inventory", "ticketing"]);

export const systemClass = (system: string | null): string =>
  `gateway-system-${system !== null && KNOWN_SYSTEMS.has(system) ? system : "other"}`;
