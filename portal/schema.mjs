// Writes what graphcache needs of the schema: names and types, no descriptions. `npm run generate` calls it.
import { readFile, writeFile } from "node:fs/promises";
import { getIntrospectedSchema, minifyIntrospectionQuery } from "@urql/introspection";

const schema = await readFile(new URL("../schema.graphql", import.meta.url), "utf8");
const minified = minifyIntrospectionQuery(getIntrospectedSchema(schema), { includeDirectives: false });
await writeFile(new URL("src/gql/schema.json", import.meta.url), `${JSON.stringify(minified)}\n`);
