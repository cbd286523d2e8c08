import { type ReactNode, useEffect, useRef } from "react";
import { texts } from "../texts";

let isFirst = true;

/** A page of the portal: its heading is the document's title, and gets the focus when the page is come to. */
export function Page({ title, lead, children, className = "" }: { title: string; lead?: ReactNode; children: ReactNode; className?: string }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (isFirst) isFirst = false; // the browser itself begins at the top of a page that it has loaded
    else {
      scrollTo(0, 0);
      heading.current?.focus({ preventScroll: true });
    }
  }, []);
  useEffect(() => {
    document.title = `${title} · ${texts.brand}`;
  }, [title]);
  return (
    <div className={`page ${className}`}>
      <div className="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {lead && <p className="lead">{lead}</p>}
      </div>
      {children}
    </div>
  );
}
