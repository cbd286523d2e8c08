/** Addresses of pages about one thing, and the id in them. */

/** The router decodes an address once by itself, but for "/", "?" and the like: so "%" is encoded twice. */
function written(id: string): string {
  return encodeURIComponent(id.replaceAll("%", "%25")).replaceAll("%3A", ":");
}

export function idIn(parameter: string): string {
  return decodeURIComponent(parameter);
}

export const to = {
  bill: (id: string) => `/bills/${written(id)}`,
  ticket: (id: string) => `/tickets/${written(id)}`,
  customer: (id: string) => `/customers/${written(id)}`,
};
