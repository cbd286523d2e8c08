/** What changed by itself, said to those who see it and to those who hear it. */
import { useSyncExternalStore } from "react";

let said: { text: string; id: number } | null = null;
const listeners = new Set<() => void>();
let hiding: ReturnType<typeof setTimeout> | undefined;

function set(next: typeof said): void {
  said = next;
  listeners.forEach((tell) => tell());
}

export function announce(text: string): void {
  clearTimeout(hiding);
  set({ text, id: (said?.id ?? 0) + 1 });
  hiding = setTimeout(() => set(null), 8_000);
}

export function Announcements() {
  const shown = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => said,
  );
  return (
    <div className="announcements" role="status" aria-live="polite">
      {shown && (
        <p key={shown.id} className="toast">
          {shown.text}
        </p>
      )}
    </div>
  );
}
