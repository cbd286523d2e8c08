// Bundles the portal into the folder that PORTAL_TARGET names; portal/build.py calls it. `npm run dev` serves it beside
// a demo that runs on port 8000 (GATEWAY names another one).
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { defineConfig, type Plugin } from "vite";

const target = process.env.PORTAL_TARGET ?? "dist";
const gateway = process.env.GATEWAY ?? "http://127.0.0.1:8000";

/** Assets' addresses begin with %BASE%, which the gateway replaces in each page: so it works behind any prefix. */
function forTheGateway(): Plugin {
  return {
    name: "for-the-gateway",
    apply: "build",
    transformIndexHtml: { order: "post", handler: (html) => html.replaceAll('"./assets/', '"%BASE%assets/') },
    async closeBundle() {
      const folder = path.resolve(target, "assets");
      for (const name of await readdir(folder)) {
        const content = await readFile(path.join(folder, name));
        await writeFile(path.join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
      }
    },
  };
}

/** While developing, the demo's own page says what the gateway would write into this one. */
function configOfTheDemo(): Plugin {
  return {
    name: "config-of-the-demo",
    apply: "serve",
    async transformIndexHtml(html) {
      const served = await (await fetch(`${gateway}/portal/`)).text();
      const config = JSON.parse(/id="portal-config">(.*?)<\/script>/s.exec(served)?.[1] ?? "{}");
      const here = { root: "/portal/", endpoint: "/graphql", demoSystems: config.demoSystems && "/demo/systems" };
      return html.replace("%CONFIG%", () => JSON.stringify({ ...config, ...here }));
    },
  };
}

export default defineConfig(({ command }) => ({
  base: command === "build" ? "./" : "/portal/",
  plugins: [forTheGateway(), configOfTheDemo()],
  build: { outDir: target, emptyOutDir: true, target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: { host: "127.0.0.1", proxy: { "/graphql": { target: gateway, ws: true }, "/documents": gateway, "/demo": gateway } },
}));
