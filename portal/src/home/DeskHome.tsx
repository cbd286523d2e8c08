import { Link } from "wouter";
import { Page } from "../shell/Page";
import { texts } from "../texts";

/** What who works at the desk sees first. */
export function DeskHome() {
  const { title, lead } = texts.home.desk;
  const ways = [
    { to: "/customers", ...texts.desk.search },
    { to: "/operations", title: texts.desk.operations.title, lead: texts.desk.operations.short },
    { to: "/outages", ...texts.desk.outages },
  ];
  return (
    <Page title={title} lead={lead}>
      <ul className="ways">
        {ways.map((way) => (
          <li key={way.to}>
            <Link href={way.to} className="card way">
              <h2>{way.title}</h2>
              <p className="hint">{way.lead}</p>
            </Link>
          </li>
        ))}
      </ul>
    </Page>
  );
}
