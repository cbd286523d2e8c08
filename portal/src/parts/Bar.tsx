/** How much of something is used. A meter for those who hear it; the width is set by script, as the policy wants it. */
export function Bar({ value, of, label }: { value: number; of: number; label: string }) {
  const share = of > 0 ? Math.min(1, value / of) : 0;
  return (
    <div
      className={`bar ${share >= 0.9 ? "nearly-all" : ""}`}
      role="meter"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={of}
      aria-valuenow={Math.min(value, of)}
    >
      <span style={{ width: `${share * 100}%` }} />
    </div>
  );
}
