/** What the editors open with, beside the visitor's own tabs: a link's content, or what was there before signing in. */

export interface EditorContent {
  document: string;
  variables: string;
}

/** Most characters of a link. Browsers take more; programs for chat and mail begin to cut links that are longer. */
export const MOST_IN_LINK = 8_000;

const KEPT = "gateway:editors";

/** A link to this page with the document and the variables, and nothing else; null where it would be too long. */
export function linkTo({ document, variables }: EditorContent): string | null {
  const parts = new URLSearchParams({ document, ...(variables.trim() ? { variables } : {}) });
  // In the fragment: browsers send it to no server, so that it stands in no log.
  const link = `${location.origin}${location.pathname}#${parts}`;
  return link.length > MOST_IN_LINK ? null : link;
}

export function contentOf(fragment: string): EditorContent | null {
  const parts = new URLSearchParams(fragment.replace(/^#/, ""));
  const document = parts.get("document");
  return document === null ? null : { document, variables: parts.get("variables") ?? "" };
}

function takeKept(): EditorContent | null {
  const kept = sessionStorage.getItem(KEPT);
  sessionStorage.removeItem(KEPT);
  return kept === null ? null : (JSON.parse(kept) as EditorContent);
}

const linked = contentOf(location.hash);
// Else a reload would open it again, over what the visitor has made of it.
if (linked) history.replaceState(null, "", `${location.pathname}${location.search}`);

/** Read once, when the page is opened. */
export const opened: EditorContent | null = linked ?? takeKept();

/**
 * Keeps the editors' content while the browser is elsewhere; GraphiQL stores it too late for that.
 * Null for editors that are not there yet: then what the page was to open with.
 */
export function keepForReturn(content: EditorContent | null): void {
  const kept = content ?? opened;
  if (kept) sessionStorage.setItem(KEPT, JSON.stringify(kept));
}
