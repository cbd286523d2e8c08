/** Numbers as the page says them. */

export const ms = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

export const size = (bytes: number): string => (bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(1)} kB`);

export const count = (n: number, noun: string): string => `${n} ${noun}${n === 1 ? "" : "s"}`;
