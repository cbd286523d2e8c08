import { ToolbarButton, useGraphiQL } from "@graphiql/react";
import { asCurl, NotAsCurl, onOneLine } from "./curl";
import { type EditorContent, linkTo, MOST_IN_LINK } from "./opening";

/** What stands in the editors now; GraphiQL's own state of it is a moment late. Null while there are none yet. */
export function useEditors(): () => EditorContent | null {
  const query = useGraphiQL(({ queryEditor }) => queryEditor);
  const variables = useGraphiQL(({ variableEditor }) => variableEditor);
  return () => (query ? { document: query.getValue(), variables: variables?.getValue() ?? "" } : null);
}

/** Puts a text into the clipboard, or shows it to be copied where the page may not (without HTTPS). */
async function copy(text: string, line: string): Promise<string> {
  try {
    await navigator.clipboard.writeText(text);
    return "copied.";
  } catch {
    prompt("The browser lets only pages over HTTPS copy. Copy this:", line);
    return "shown, to be copied.";
  }
}

interface Props {
  hasToken: boolean;
  /** Says what came of it. */
  say(words: string): void;
}

/** Beside GraphiQL's own buttons: what is in the editors as a link, and as a command. */
export function ShareButtons({ hasToken, say }: Props) {
  const editors = useEditors();
  const operationName = useGraphiQL((state) => state.operationName ?? null);
  const share = async () => {
    const content = editors();
    if (!content) return;
    const link = linkTo(content);
    if (link === null) {
      say(`Too long for a link: document and variables may have ${MOST_IN_LINK.toLocaleString("en")} characters in it.`);
      return;
    }
    say(`Link ${await copy(link, link)} It holds the document and the variables, and no token.`);
  };
  const curl = async () => {
    const content = editors();
    if (!content) return;
    try {
      const command = asCurl(content, operationName, hasToken);
      say(`Command ${await copy(command, onOneLine(command))}${hasToken ? " Put the token into the variable TOKEN." : ""}`);
    } catch (error) {
      if (!(error instanceof NotAsCurl)) throw error;
      say(error.message);
    }
  };
  return (
    <>
      <ToolbarButton label="Copy a link to this document and its variables" onClick={() => void share()}>
        <svg viewBox="0 0 24 24" className="graphiql-toolbar-icon" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
          <path d="M10 14a4 4 0 0 0 5.7 0l4-4A4 4 0 0 0 14 4.300l-1.500 1.500M14 10a4 4 0 0 0-5.700 0l-4 4A4 4 0 0 0 10 19.700l1.500-1.500" />
        </svg>
      </ToolbarButton>
      <ToolbarButton label="Copy as a curl command" onClick={() => void curl()}>
        <svg viewBox="0 0 24 24" className="graphiql-toolbar-icon" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
          <path d="M3 5h18v14H3zM6.500 9l3 3-3 3M11.500 15h5" />
        </svg>
      </ToolbarButton>
    </>
  );
}
