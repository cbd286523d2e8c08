/** One of a few: which rows are shown. */
export function Filter<Options extends Record<string, string>>({ label, options, value, choose }: { label: string; options: Options; value: keyof Options; choose(value: keyof Options): void }) {
  return (
    <fieldset className="filter">
      <legend className="visually-hidden">{label}</legend>
      {Object.entries(options).map(([key, text]) => (
        <label key={key} className={key === value ? "chosen" : ""}>
          <input type="radio" name={label} className="visually-hidden" checked={key === value} onChange={() => choose(key)} />
          {text}
        </label>
      ))}
    </fieldset>
  );
}
