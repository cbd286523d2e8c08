/**
 * What Monaco needs around it under a strict Content-Security-Policy. Imported before anything that uses Monaco.
 */
import { config } from "./config";

declare const WORKERS: Record<string, string>; // filled in by build.mjs

window.MonacoEnvironment = {
  getWorker(_id: string, label: string) {
    const address = WORKERS[label] ?? WORKERS["editor"];
    if (!address) throw new Error(`build.mjs knows no worker for "${label}", and no editor worker`);
    return new Worker(address, { type: "module", name: label });
  },
};

// Monaco and Radix make <style> elements and offer no way to give Monaco's a nonce.
const createElement = document.createElement;
document.createElement = function (this: Document, name: string, options?: ElementCreationOptions) {
  const element = createElement.call(this, name, options);
  if (element instanceof HTMLStyleElement) element.nonce = config.styleNonce;
  return element;
} as typeof document.createElement;
