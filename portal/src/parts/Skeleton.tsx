import { texts } from "../texts";

/** The shape of what will be there. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div className="skeleton">
      <span className="visually-hidden">{texts.parts.loading}</span>
      {Array.from({ length: lines }, (_, at) => (
        <span key={at} aria-hidden="true" />
      ))}
    </div>
  );
}
