import { texts } from "../texts";

/** The operator's sign and name: the first thing to change. */
export function Mark() {
  return (
    <span className="mark">
      <svg viewBox="0 0 32 32" width="30" height="30" aria-hidden="true">
        <rect width="32" height="32" rx="9" className="mark-ground" />
        <path d="M8 20a8 8 0 0 1 16 0" fill="none" stroke="#fff" strokeWidth="3" strokeLinecap="round" />
        <circle cx="16" cy="21" r="3" fill="#fff" />
      </svg>
      <span>{texts.brand}</span>
    </span>
  );
}
