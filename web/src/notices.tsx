import { canSignIn, type Person } from "./person";

interface Props {
  person: Person;
  hasToken: boolean;
  /** What came of the last button that has no place of its own to show it. */
  said: string | null;
}

/** Below the header: that nobody is signed in, and what came of a button. */
export function Notices({ person, hasToken, said }: Props) {
  return (
    <div className="gateway-notices" role="status">
      {person.problem && <p className="gateway-errors">{person.problem}</p>}
      {!hasToken && person.status === "out" && (
        <p data-testid="signed-out">
          <b>You are signed out.</b> {canSignIn ? "Sign in or paste a token above" : "Paste a token above"}; without one the
          gateway answers next to nothing.
        </p>
      )}
      {said && <p>{said}</p>}
    </div>
  );
}
