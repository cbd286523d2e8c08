/** Where GraphiQL keeps tabs, history and choices: localStorage, less what could be a credential. */

// GraphiQL's tabs leave the Headers pane out by themselves; its history does not.
const HISTORY = new Set(["graphiql:queries", "graphiql:favorites"]);

function withoutHeaders(history: string): string {
  return JSON.stringify(JSON.parse(history), (key, value: unknown) => (key === "headers" ? undefined : value));
}

export const storage = {
  get length() {
    return localStorage.length;
  },
  getItem: (key: string) => localStorage.getItem(key),
  setItem: (key: string, value: string) => localStorage.setItem(key, HISTORY.has(key) ? withoutHeaders(value) : value),
  removeItem: (key: string) => localStorage.removeItem(key),
  clear() {
    for (const key of Object.keys(localStorage)) if (key.startsWith("graphiql:")) localStorage.removeItem(key);
  },
};
