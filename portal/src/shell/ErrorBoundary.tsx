/** Where a page cannot be drawn, the rest of the portal stays, and the page says so. */
import { Component, type ReactNode } from "react";
import { texts } from "../texts";
import { Page } from "./Page";

/** Give it the page's address as `key`: another page is drawn anew. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { hasFailed: boolean }> {
  override state = { hasFailed: false };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  override render() {
    if (!this.state.hasFailed) return this.props.children;
    return (
      <Page title={texts.broken.title}>
        <p role="alert">{texts.broken.text}</p>
        <button type="button" className="button" onClick={() => location.reload()}>
          {texts.broken.again}
        </button>
      </Page>
    );
  }
}
