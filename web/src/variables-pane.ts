/** The pane of variables and headers is open where there are some, and closed where there are none. */
import { useGraphiQL } from "@graphiql/react";
import { useEffect } from "react";

const isEmpty = (text: string | null | undefined): boolean => /^\s*(\{\s*\})?\s*$/.test(text ?? "");

/** Sets the pane whenever another tab is turned to; after that it is the visitor's. */
export function useVariablesPane(): void {
  const tab = useGraphiQL(({ tabs, activeTabIndex }) => tabs[activeTabIndex]);
  const wanted = !isEmpty(tab?.variables) || !isEmpty(tab?.headers);
  useEffect(() => {
    // GraphiQL tells nobody whether the pane is open, and has this button alone to change it.
    const toggle = document.querySelector<HTMLButtonElement>(".graphiql-toggle-editor-tools");
    const isOpen = toggle?.getAttribute("aria-label") === "Hide editor tools";
    if (toggle && isOpen !== wanted) toggle.click();
  }, [tab?.id]); // not of `wanted`: what is typed must not move the panes
}
