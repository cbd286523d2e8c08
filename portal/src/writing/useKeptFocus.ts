import { type RefObject, useEffect, useRef } from "react";

const CONTROLS = "input, textarea, select, button, a[href]";

/**
 * Where a control that has the focus goes away, as a question's buttons do, what is in its place gets it: else a keyboard
 * begins again at the top of the page. For the element around a form, which needs `tabIndex={-1}`.
 */
export function useKeptFocus<E extends HTMLElement>(): RefObject<E | null> {
  const around = useRef<E>(null);
  const isInside = useRef(false);

  useEffect(() => {
    const element = around.current;
    if (!element) return;
    const came = () => (isInside.current = true);
    const left = ({ target, relatedTarget }: FocusEvent) => {
      if (relatedTarget) isInside.current = element.contains(relatedTarget as Node);
      // A click beside it ends it; that the control itself went away does not.
      else queueMicrotask(() => (target as Node).isConnected && (isInside.current = false));
    };
    element.addEventListener("focusin", came);
    element.addEventListener("focusout", left);
    return () => {
      element.removeEventListener("focusin", came);
      element.removeEventListener("focusout", left);
    };
  }, []);

  useEffect(() => {
    if (!isInside.current || document.activeElement !== document.body) return;
    const shown = [...(around.current?.querySelectorAll<HTMLElement>(CONTROLS) ?? [])].find((one) => one.offsetParent);
    (shown ?? around.current)?.focus();
  });

  return around;
}
