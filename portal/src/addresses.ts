/** Addresses of pages about one thing, and the id in them. */

/** The router decodes an address once by itself, but for "/", "?" and the like: so "%" is encoded twice. */
function written(id: string): string {
  return encodeURIComponent(id.replaceAll("%", "%25")).replaceAll("%3A", ":");
}

/** What is no encoded text, as in a link that was cut off, is nobody's id, and is asked for as it stands. */
export function idIn(parameter: string): string {
  try {
    return decodeURIComponent(parameter);
  } catch {
    return parameter;
  }
}

export const to = {
  bill: (id: string) => `/bills/${written(id)}`,
  ticket: (id: string) => `/tickets/${written(id)}`,
  customer: (id: string) => `/customers/${written(id)}`,
};
