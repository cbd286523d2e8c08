/**
 * Few stops for the Tab key: of GraphiQL's tabs the open one only, as tab lists have it (WAI-ARIA, "Tabs"). The arrows
 * turn to the others. GraphiQL has two stops for each, a name and a cross.
 */

const NAMES = ".graphiql-tabs .graphiql-tab-button";

function setStops(list: Element): void {
  for (const tab of list.querySelectorAll(".graphiql-tab")) {
    const isOpen = tab.classList.contains("graphiql-tab-active");
    for (const button of tab.querySelectorAll("button")) button.tabIndex = isOpen ? 0 : -1;
  }
}

const STEPS: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowLeft: (at, count) => (at + count - 1) % count,
  ArrowRight: (at, count) => (at + 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

function turn(event: KeyboardEvent): void {
  const names = [...document.querySelectorAll<HTMLElement>(NAMES)];
  const at = names.indexOf(event.target as HTMLElement);
  const next = at < 0 ? undefined : names[STEPS[event.key]?.(at, names.length) ?? -1];
  if (!next) return;
  event.preventDefault();
  next.click();
  next.focus();
}

/** Keeps the stops few in the list of tabs that is within the element. What it returns ends that. */
export function fewStops(within: Element): () => void {
  const set = () => {
    const list = within.querySelector(".graphiql-tabs");
    if (list) setStops(list);
  };
  set();
  const watch = new MutationObserver(set);
  watch.observe(within, { childList: true, subtree: true, attributes: true, attributeFilter: ["class"] });
  within.addEventListener("keydown", turn as EventListener);
  return () => {
    watch.disconnect();
    within.removeEventListener("keydown", turn as EventListener);
  };
}
