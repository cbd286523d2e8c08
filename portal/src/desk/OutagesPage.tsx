import { Page } from "../shell/Page";

export function OutagesPage() {
  return <Page title="OutagesPage">…</Page>;
}
