import { Page } from "../shell/Page";

export function CustomerPage(_: { id?: string }) {
  return <Page title="CustomerPage">…</Page>;
}
