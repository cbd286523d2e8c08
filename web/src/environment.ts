/**
 * What Monaco needs around it under a strict Content-Security-Policy. Imported before anything that uses Monaco.
 */
import { config } from "./config";

/** Addresses of the workers, which lie beside this script; filled in by build.mjs. */
declare const WORKERS: Record<string, string>;

window.MonacoEnvironment = {
  getWorker(_id: string, label: string) {
    const address = WORKERS[label] ?? WORKERS["editor"];
    if (!address) throw new Error(`build.mjs knows no worker for "${label}", and no editor worker`);
    return new Worker(new URL(address, import.meta.url), { type: "module", name: label });
  },
};

// Monaco and Radix make <style> elements and offer no way to give Monaco's a nonce.
const createElement = document.createElement;
document.createElement = function (this: Document, name: string, options?: ElementCreationOptions) {
  const element = createElement.call(this, name, options);
  if (element instanceof HTMLStyleElement) element.nonce = config.styleNonce;
  return element;
} as typeof document.createElement;
