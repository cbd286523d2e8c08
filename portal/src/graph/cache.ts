/** The cache: one record per `__typename` and `id`. It knows the schema, so that half an answer can be shown, too. */
import { cacheExchange } from "@urql/exchange-graphcache";
import schema from "../gql/schema.json";

interface Introspected {
  kind: string;
  name: string;
  fields?: { name: string }[];
}

/** Money, periods, pages and the like have no id: they are part of what they stand in. */
const withoutId = (schema.__schema.types as Introspected[]).filter(
  ({ kind, fields }) => kind === "OBJECT" && !fields?.some(({ name }) => name === "id"),
);

export const cache = () =>
  cacheExchange({
    // graphcache's type of a schema wants more than its own tool writes.
    schema: schema as unknown as NonNullable<Parameters<typeof cacheExchange>[0]>["schema"],
    keys: Object.fromEntries(withoutId.map(({ name }) => [name, () => null])),
  });
