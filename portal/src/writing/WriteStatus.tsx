/** What became of a write, where it is not simply done: said at once, with a way to find out. */
import { texts } from "../texts";
import type { Writing } from "./useWrite";

interface Words {
  checking: string;
  checkingStill: string;
  notDone: string;
  forbidden: string;
}

export function WriteStatus({ state, userErrors, goOn, words = texts.write }: Pick<Writing<unknown>, "state" | "userErrors"> & { goOn(): void; words?: Words }) {
  const unplaced = userErrors.filter(({ path }) => path.length === 0 || path[0]?.endsWith("Id"));
  return (
    <div role="status" aria-live="polite">
      {state === "checking" && <p className="notice notice-warn busy">{words.checking}</p>}
      {state === "unknown" && (
        <div className="notice notice-warn">
          <p>{words.checkingStill}</p>
          <button type="button" className="button" onClick={goOn}>
            {texts.write.checkAgain}
          </button>
        </div>
      )}
      {state === "notDone" && <p className="notice notice-bad">{words.notDone}</p>}
      {state === "forbidden" && <p className="notice notice-bad">{words.forbidden}</p>}
      {unplaced.map(({ code, path }) => (
        <p key={code + path.join()} className="notice notice-bad">
          {texts.userError(code)}
        </p>
      ))}
    </div>
  );
}

/** Whether the form may be shown: not while nobody knows whether it was done. */
export function mayWrite(state: Writing<unknown>["state"]): boolean {
  return state !== "checking" && state !== "unknown";
}
