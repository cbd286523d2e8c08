import { Page } from "../shell/Page";

export function SearchPage() {
  return <Page title="SearchPage">…</Page>;
}
