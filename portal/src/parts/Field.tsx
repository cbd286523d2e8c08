/** A labelled field with what is wrong in it, said where it is. */
import { type InputHTMLAttributes, type TextareaHTMLAttributes, useId } from "react";
import { texts } from "../texts";
import type { UserError } from "../writing/intention";

interface Common {
  label: string;
  /** Whether a heading right above says the same. */
  isLabelled?: boolean;
  hint?: string;
  /** The field's name in the mutation's input: mistakes are found by it. */
  name: string;
  userErrors?: UserError[];
}

type Props = Common &
  (
    | ({ lines: number } & Omit<TextareaHTMLAttributes<HTMLTextAreaElement>, "name">)
    | ({ lines?: undefined } & Omit<InputHTMLAttributes<HTMLInputElement>, "name">)
  );

export function Field({ label, isLabelled = false, hint, name, userErrors = [], ...rest }: Props) {
  const id = useId();
  const wrong = userErrors.find(({ path }) => path[0] === name);
  const described = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ") || undefined;
  const common = { id, name, "aria-describedby": described, "aria-invalid": wrong ? true : undefined } as const;
  return (
    <div className="field">
      <label htmlFor={id} className={isLabelled ? "visually-hidden" : ""}>
        {label}
      </label>
      {hint && (
        <p id={`${id}-hint`} className="hint">
          {hint}
        </p>
      )}
      {rest.lines === undefined ? <input {...rest} {...common} /> : <Area {...rest} {...common} />}
      {wrong && (
        <p id={`${id}-wrong`} className="field-wrong">
          {texts.userError(wrong.code)}
        </p>
      )}
    </div>
  );
}

function Area({ lines, ...rest }: { lines: number } & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  return <textarea rows={lines} {...rest} />;
}
