import type { GraphQLAnswer } from "./fetcher";
import { transports } from "./live";
import { type Following, type LiveMessage, MOST_SHOWN } from "./use-live";

interface Props {
  following: Following;
  onStop(): void;
  onClear(): void;
}

/** Below GraphiQL: what the subscription told, newest first, and whether more will come. */
export function LivePanel({ following, onStop, onClear }: Props) {
  const { messages, state, ending } = following;
  const runs = state === "connecting" || state === "open";
  return (
    <section className="gateway-panel gateway-live" aria-label="Events of the subscription">
      <div className="gateway-panel-summary">
        <span>
          <b>{following.operationName ?? "Subscription"}</b> over {transports[following.transport]}
          {following.askedAs && ` as ${following.askedAs}`}
        </span>
        <span role="status" className={state === "ended" ? "gateway-errors" : undefined}>
          {STATES[state]}
        </span>
        <span className="gateway-quiet">{messages.length === 1 ? "1 event" : `${messages.length} events`}</span>
        <button type="button" onClick={onClear} disabled={messages.length === 0}>
          Clear
        </button>
        <button type="button" onClick={onStop} disabled={!runs}>
          Stop
        </button>
      </div>
      <div className="gateway-panel-body">
        {ending && (
          <p role="alert" className="gateway-errors">
            {ending}
          </p>
        )}
        {runs && messages.length === 0 && (
          <p>Waiting for something to happen. It goes on while you turn to another tab, such as AddTicketNote's.</p>
        )}
        <ol reversed className="gateway-events">
          {messages.map((message, index) => (
            <Row key={message.number} message={message} isNewest={index === 0} />
          ))}
        </ol>
        {messages.length >= MOST_SHOWN && <p>Only the newest {MOST_SHOWN} are kept here.</p>}
      </div>
    </section>
  );
}

const STATES: Readonly<Record<Following["state"], string>> = {
  connecting: "connecting",
  open: "connected",
  stopped: "stopped",
  ended: "ended",
};

function Row({ message, isNewest }: { message: LiveMessage; isNewest: boolean }) {
  const { answer, at } = message;
  return (
    <li value={message.number}>
      <time dateTime={at.toISOString()}>{clock(at)}</time> <b>{titleOf(answer)}</b>
      <details open={isNewest}>
        <summary>message</summary>
        <pre>{JSON.stringify(answer, null, 2)}</pre>
      </details>
    </li>
  );
}

const clock = (at: Date): string =>
  `${at.toLocaleTimeString(undefined, { hour12: false })}.${String(at.getMilliseconds()).padStart(3, "0")}`;

/** "ticketChanged CHANGED Ticket:TT-1", as far as the selection has these, then what is wrong or was left out. */
function titleOf({ data, errors, extensions }: GraphQLAnswer): string {
  const parts = Object.entries(data ?? {}).map(([field, change]) => [field, ...wordsOf(change)].join(" "));
  if (errors) parts.push(errors.map(({ message }) => message).join(" "));
  if (extensions?.skipped) parts.push(`(${extensions.skipped} older not told)`);
  return parts.join(" ");
}

function wordsOf(change: unknown): string[] {
  const { event, ...rest } = (change ?? {}) as { event?: unknown } & Record<string, unknown>;
  const id = Object.entries(rest).find(([name]) => name.endsWith("Id"))?.[1];
  const below = Object.values(rest).map((thing) => (thing as { id?: unknown } | null)?.id);
  return [event, id ?? below.find((one) => one !== undefined)].filter((one) => one !== undefined).map(String);
}
