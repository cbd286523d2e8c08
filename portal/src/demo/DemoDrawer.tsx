/** In the demo only: stops, slows and heals each system, so that a person sees what the portal does about it. */
import { useCallback, useEffect, useId, useRef, useState } from "react";
import { Badge } from "../parts/Badge";
import { texts } from "../texts";

type State = "well" | "slow" | "stopped";
type States = Record<string, State>;
type Wanted = "stop" | "slow" | "heal";

const words = texts.demo;

async function ask(address: string, change?: { system: string; wanted: Wanted }): Promise<States> {
  const answer = await fetch(
    address,
    change && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(change) },
  );
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.json() as Promise<States>;
}

export function DemoDrawer({ address }: { address: string }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [states, setStates] = useState<States>({});
  const [hasFailed, setFailed] = useState(false);

  const change = useCallback(
    async (what?: { system: string; wanted: Wanted }) => {
      try {
        setStates(await ask(address, what));
        setFailed(false);
      } catch {
        setFailed(true);
      }
    },
    [address],
  );
  useEffect(() => void change(), [change]);

  const isSick = Object.values(states).some((state) => state !== "well");
  return (
    <aside aria-label={words.open}>
      <button
        type="button"
        className={`demo-open ${isSick ? "sick" : ""}`}
        onClick={() => {
          void change();
          dialog.current?.showModal();
        }}
      >
        {words.open}
      </button>
      <dialog ref={dialog} className="drawer" aria-labelledby={id}>
        <div className="card-head">
          <h2 id={id}>{words.title}</h2>
          <button type="button" className="button" onClick={() => dialog.current?.close()}>
            {words.close}
          </button>
        </div>
        <p className="hint">{words.lead}</p>
        {hasFailed && (
          <p role="alert" className="notice notice-bad">
            {words.failed}
          </p>
        )}
        <ul className="drawer-systems">
          {Object.entries(states).map(([system, state]) => (
            <System key={system} system={system} state={state} change={(wanted) => void change({ system, wanted })} />
          ))}
        </ul>
      </dialog>
    </aside>
  );
}

function System({ system, state, change }: { system: string; state: State; change(wanted: Wanted): void }) {
  return (
    <li>
      <p className="card-head">
        <strong>{words.systems[system] ?? system}</strong>
        <Badge tone={state === "well" ? "good" : state === "slow" ? "warn" : "bad"}>{words.state[state]}</Badge>
      </p>
      <div className="buttons" role="group" aria-label={words.systems[system] ?? system}>
        {state !== "stopped" && (
          <button type="button" className="button" onClick={() => change("stop")}>
            {words.stop}
          </button>
        )}
        {state !== "slow" && (
          <button type="button" className="button" onClick={() => change("slow")}>
            {words.slow}
          </button>
        )}
        {state !== "well" && (
          <button type="button" className="button primary" onClick={() => change("heal")}>
            {words.heal}
          </button>
        )}
      </div>
    </li>
  );
}
