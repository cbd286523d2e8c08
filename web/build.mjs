// Bundles web/src into the folder given as the only argument; web/build.py calls it.
// Every file but index.html carries a hash of its content in its name, so it may be cached for ever.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const target = process.argv[2];
if (!target) throw new Error("Usage: node build.mjs FOLDER");

/**
 * The folder of the assets, beside the page: gateway/http/graphiql.py serves them there, and writes in place of %BASE% how
 * the page's own address leads to it. So the page works behind any prefix.
 */
const base = "%BASE%graphiql/";

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  legalComments: "none",
  target: "es2022",
  format: "esm",
  outdir: target,
  metafile: true,
  write: false,
  logLevel: "warning",
  define: { "process.env.NODE_ENV": '"production"' },
};

const workers = await esbuild.build({
  ...common,
  entryPoints: {
    editor: "monaco-editor/esm/vs/editor/editor.worker.js",
    json: "monaco-editor/esm/vs/language/json/json.worker.js",
    graphql: "monaco-graphql/esm/graphql.worker.js",
  },
  entryNames: "[name].worker-[hash]",
});

const addresses = {};
for (const [file, output] of Object.entries(workers.metafile.outputs)) {
  if (output.entryPoint) addresses[path.basename(file).split(".")[0]] = `./${path.basename(file)}`;
}

/** Monaco's modules import their styles one by one; graphiql/style.css has all of them already. */
const withoutMonacoStyles = {
  name: "without-monaco-styles",
  setup: (build) => build.onLoad({ filter: /monaco-editor.*\.css$/ }, () => ({ contents: "", loader: "js" })),
};

const page = await esbuild.build({
  ...common,
  entryPoints: { page: "src/page.tsx" },
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  splitting: true,
  jsx: "automatic",
  loader: { ".graphql": "text" },
  plugins: [withoutMonacoStyles],
  define: { ...common.define, WORKERS: JSON.stringify(addresses) },
});

const [script, { cssBundle }] = Object.entries(page.metafile.outputs).find(([, output]) => output.entryPoint === "src/page.tsx");
const html = (await readFile(path.join(here, "src/index.html"), "utf8"))
  .replace("%STYLE%", base + path.basename(cssBundle))
  .replace("%SCRIPT%", base + path.basename(script));

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });
let plain = 0;
let packed = 0;
for (const { path: file, contents } of [...workers.outputFiles, ...page.outputFiles]) {
  const gzipped = gzipSync(contents, { level: 9 });
  plain += contents.length;
  packed += gzipped.length;
  await writeFile(file, contents);
  await writeFile(`${file}.gz`, gzipped);
}
await writeFile(path.join(target, "index.html"), html); // last: its date tells make that the build is whole
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
console.log(`Browser page: ${megabytes(plain)} in ${workers.outputFiles.length + page.outputFiles.length} files, ${megabytes(packed)} as sent (gzip).`);
