/** What the gateway has counted so far, and what of it fell between two looks. */

export interface Snapshot {
  /** Seconds, of the gateway's clock. */
  at: number;
  /** Workers that the counts are of. */
  workers: number;
  samples: Sample[];
}

export type Sample = [name: string, labels: Record<string, string>, value: number];

/** The counts of two looks, one after the other. */
export interface Span {
  seconds: number;
  before: Index;
  after: Index;
}

/** Samples by name. */
export type Index = Map<string, Sample[]>;

export function indexed({ samples }: Snapshot): Index {
  const found: Index = new Map();
  for (const sample of samples) {
    const same = found.get(sample[0]);
    if (same) same.push(sample);
    else found.set(sample[0], [sample]);
  }
  return found;
}

export type Wanted = Record<string, string>;

const fits = (labels: Wanted, wanted: Wanted) => Object.entries(wanted).every(([name, value]) => labels[name] === value);

/** The sum of what a name and labels stand for; undefined where there is nothing. */
export function sum(index: Index, name: string, wanted: Wanted = {}): number | undefined {
  const found = index.get(name)?.filter(([, labels]) => fits(labels, wanted));
  return found?.length ? found.reduce((total, [, , value]) => total + value, 0) : undefined;
}

/** How much a counter has grown. One that begins anew, as after a restart, has grown by what it shows. */
export function growth(span: Span, name: string, wanted: Wanted = {}): number {
  const after = sum(span.after, name, wanted) ?? 0;
  const before = sum(span.before, name, wanted) ?? 0;
  return after >= before ? after - before : after;
}

/** Seconds within which this share of what a histogram has measured was, by its buckets; undefined for nothing. */
export function quantile(span: Span, name: string, share: number, wanted: Wanted = {}): number | undefined {
  const bounds = [...new Set((span.after.get(`${name}_bucket`) ?? []).filter(([, labels]) => fits(labels, wanted)).map(([, { le }]) => le!))]
    .map((le) => ({ le, bound: le === "+Inf" ? Infinity : Number(le) }))
    .sort((one, other) => one.bound - other.bound);
  const counts = bounds.map(({ le }) => growth(span, `${name}_bucket`, { ...wanted, le }));
  const all = counts.at(-1) ?? 0;
  if (!all) return undefined;
  const at = counts.findIndex((count) => count >= share * all);
  const [low, high] = [at ? bounds[at - 1]!.bound : 0, bounds[at]!.bound];
  if (high === Infinity) return low;
  const [under, within] = [at ? counts[at - 1]! : 0, counts[at]!];
  return low + ((high - low) * (share * all - under)) / Math.max(1, within - under);
}

/** The values of a label. */
export function values(index: Index, name: string, label: string): string[] {
  const found = (index.get(name) ?? []).map(([, labels]) => labels[label]).filter((value) => value !== undefined);
  return [...new Set(found)].sort();
}
