/** How money, days and points in time are written. Amounts stay texts: a number would be rounded. */
import { texts } from "./texts";

interface Money {
  amount: string;
  currency: string;
}

export function money({ amount, currency }: Money): string {
  return new Intl.NumberFormat(texts.locale, { style: "currency", currency }).format(amount as Intl.StringNumericLiteral);
}

/** What a person may write as an amount above zero: no more places than the currency has, so nothing shown is rounded. */
export function amountPattern(currency: string): string {
  const places = new Intl.NumberFormat(texts.locale, { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
  return `\\s*(?=.*[1-9])[0-9]+${places ? `([.,][0-9]{1,${places}})?` : ""}\\s*`;
}

/** A day is the same everywhere, so it is written in the zone in which it is read. */
export function day(date: string): string {
  return new Intl.DateTimeFormat(texts.locale, { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }).format(
    new Date(date),
  );
}

/** A point in time, in the person's own zone. */
export function moment(time: string): string {
  return new Intl.DateTimeFormat(texts.locale, { dateStyle: "medium", timeStyle: "short" }).format(new Date(time));
}

export function month(date: string): string {
  return new Intl.DateTimeFormat(texts.locale, { month: "short", year: "2-digit", timeZone: "UTC" }).format(new Date(date));
}

export function number(value: number): string {
  return new Intl.NumberFormat(texts.locale, { maximumFractionDigits: 1 }).format(value);
}

/** How old something is, in words: "2 minutes". */
export function age(seconds: number): string {
  const [value, unit] =
    seconds < 90 ? [seconds, "second"] : seconds < 5400 ? [seconds / 60, "minute"] : [seconds / 3600, "hour"];
  return new Intl.NumberFormat(texts.locale, { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 0 }).format(
    Math.max(1, Math.round(value as number)),
  );
}

/** Adds amounts of one currency exactly. Null where there is none, or where the currencies differ. */
export function sum(amounts: Money[]): Money | null {
  const [first] = amounts;
  if (!first || amounts.some((one) => one.currency !== first.currency)) return null;
  const places = Math.max(...amounts.map(({ amount }) => amount.split(".")[1]?.length ?? 0));
  const whole = amounts.map(({ amount }) => {
    const [units = "0", rest = ""] = amount.split(".");
    return BigInt(units + rest.padEnd(places, "0"));
  });
  const total = whole.reduce((a, b) => a + b, 0n);
  const digits = (total < 0n ? -total : total).toString().padStart(places + 1, "0");
  const text = places ? `${digits.slice(0, -places)}.${digits.slice(-places)}` : digits;
  return { amount: total < 0n ? `-${text}` : text, currency: first.currency };
}

export function shortDay(date: string): string {
  return new Intl.DateTimeFormat(texts.locale, { day: "numeric", month: "short", timeZone: "UTC" }).format(new Date(date));
}
