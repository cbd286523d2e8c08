/** The errors of an answer, equal ones together. */
import type { GraphQLAnswer, GraphQLFault } from "./fetcher";

export type Path = readonly (string | number)[];

export interface ErrorGroup {
  message: string;
  code: string;
  system: string | null;
  retryable: boolean;
  count: number;
  /** Where in the data each of them is; shorter than `count` where some have no path. */
  paths: Path[];
}

interface Gathered {
  first: GraphQLFault;
  all: GraphQLFault[];
}

/** Errors are equal that say the same about different places. In the order in which each came first. */
function gathered(errors: readonly GraphQLFault[]): Gathered[] {
  const found = new Map<string, Gathered>();
  for (const error of errors) {
    const { path: _path, locations: _locations, ...said } = error;
    const same = JSON.stringify(said);
    const there = found.get(same);
    if (there) there.all.push(error);
    else found.set(same, { first: error, all: [error] });
  }
  return [...found.values()];
}

export function groups(errors: readonly GraphQLFault[]): ErrorGroup[] {
  return gathered(errors).map(({ first, all }) => ({
    message: first.message,
    code: first.extensions?.code ?? "error without a code",
    system: first.extensions?.system ?? null,
    retryable: first.extensions?.retryable ?? false,
    count: all.length,
    paths: all.flatMap(({ path }) => (path ? [path] : [])),
  }));
}

export const pathText = (path: Path): string => path.join(".");

/**
 * The answer as the response pane shows it: data first, then each error once, with a count and the paths of its equals.
 * What the page draws elsewhere, the upstream calls and the plan, is left out.
 */
export function shown(answer: GraphQLAnswer): Record<string, unknown> {
  const { data, errors, extensions, ...rest } = answer;
  const { upstream: _upstream, explain: _explain, ...others } = extensions ?? {};
  return {
    ...(data === undefined ? {} : { data }),
    ...(errors ? { errors: gathered(errors).map(folded) } : {}),
    ...(Object.keys(others).length > 0 ? { extensions: others } : {}),
    ...rest,
  };
}

function folded({ first, all }: Gathered): object {
  if (all.length === 1) return first;
  const { path: _path, locations: _locations, ...said } = first;
  return { ...said, count: all.length, paths: all.flatMap(({ path }) => (path ? [pathText(path)] : [])) };
}
