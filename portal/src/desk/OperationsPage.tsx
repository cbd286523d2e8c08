import { Page } from "../shell/Page";

export function OperationsPage() {
  return <Page title="OperationsPage">…</Page>;
}
