import { useState } from "react";
import { resetExamples } from "./examples";
import { type Transport, transports } from "./live";
import { canSignIn, type Person } from "./person";
import { tokenNames, type TokenState } from "./token";

interface Props {
  person: Person;
  onSignIn(): void;
  onSignOut(): void;
  token: TokenState;
  /** The operation in the active tab, by which "match" picks a token. */
  operationName: string | null;
  transport: Transport;
  onTransport(next: Transport): void;
}

/** The bar above GraphiQL: the project's name, who the requests are sent as, over what subscriptions come, and the way back to the examples. */
export function Header({ person, onSignIn, onSignOut, token, operationName, transport, onTransport }: Props) {
  return (
    <header className="gateway-header">
      <h1>
        OptiCom <span>gateway</span>
      </h1>
      <form className="gateway-token" onSubmit={(event) => event.preventDefault()}>
        {person.status === "in" ? (
          <>
            <span data-testid="signed-in">
              Signed in as <b>{person.name}</b>
            </span>
            <button type="button" onClick={onSignOut}>
              Sign out
            </button>
          </>
        ) : (
          <>
            {canSignIn && (
              <button type="button" className="gateway-first" onClick={onSignIn} disabled={person.status === "busy"}>
                {person.status === "busy" ? "Signing in …" : "Sign in"}
              </button>
            )}
            <TokenFields token={token} operationName={operationName} />
          </>
        )}
        <label title="How subscriptions are run">
          Subscribe over
          <select value={transport} onChange={(event) => onTransport(event.target.value as Transport)}>
            {Object.entries(transports).map(([key, label]) => (
              <option key={key} value={key}>
                {label}
              </option>
            ))}
          </select>
        </label>
      </form>
      <button
        type="button"
        className="gateway-reset"
        title="Close all tabs and open the examples as on the first visit"
        onClick={() => {
          if (confirm("Close your tabs and open the examples again?")) resetExamples();
        }}
      >
        Reset examples
      </button>
    </header>
  );
}

function TokenFields({ token, operationName }: { token: TokenState; operationName: string | null }) {
  const [revealed, setRevealed] = useState(false);
  return (
    <>
      {tokenNames.length > 0 && (
        <label>
          Ask as
          <select value={token.choice} onChange={(event) => token.choose(event.target.value)}>
            <option value="match">
              {token.choice === "match" ? `${token.nameFor(operationName)} (matches the tab)` : "match the tab"}
            </option>
            {tokenNames.map((name) => (
              <option key={name}>{name}</option>
            ))}
            <option value="own">own token</option>
          </select>
        </label>
      )}
      <label className="gateway-token-field">
        Token
        <input
          type={revealed ? "text" : "password"}
          value={token.choice === "own" ? token.own : token.tokenFor(operationName)}
          onChange={(event) => token.type(event.target.value)}
          placeholder="none: paste a bearer token"
          autoComplete="off"
          spellCheck={false}
          name="gateway-bearer"
        />
      </label>
      <button type="button" aria-pressed={revealed} onClick={() => setRevealed(!revealed)}>
        {revealed ? "Hide" : "Reveal"}
      </button>
    </>
  );
}
