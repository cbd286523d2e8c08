import type { ReactNode } from "react";
import { Link, useLocation } from "wouter";
import { DemoDrawer } from "../demo/DemoDrawer";
import { config } from "../config";
import { useSession } from "../session/session";
import { texts } from "../texts";
import { Announcements } from "./announce";
import { Mark } from "./Mark";
import { useTheme } from "./theme";
import { useKind } from "./useKind";

function Navigation() {
  const [path] = useLocation();
  const kind = useKind();
  const isAt = (to: string) => (to === "/" ? path === "/" : path.startsWith(to));
  return (
    <nav className="navigation" aria-label={texts.shell.navigation}>
      {kind &&
        texts.navigation[kind].map(({ to, text }) => (
          <Link key={to} href={to} aria-current={isAt(to) ? "page" : undefined}>
            {text}
          </Link>
        ))}
    </nav>
  );
}

function SkipLink() {
  const skip = () => {
    const main = document.getElementById("main");
    main?.focus();
    main?.scrollIntoView();
  };
  return (
    <button type="button" className="skip" onClick={skip}>
      {texts.shell.skip}
    </button>
  );
}

export function Shell({ children }: { children: ReactNode }) {
  const { state, person, signOut } = useSession();
  const [theme, toggleTheme] = useTheme();
  return (
    <>
      <SkipLink />
      <header className="top">
        <div className="top-inner">
          <Link href="/" className="home-link" aria-label={texts.shell.home}>
            <Mark />
          </Link>
          {state === "in" && !config.onlyStatus && <Navigation />}
          <div className="top-tools">
            <button type="button" className="icon-button" onClick={toggleTheme} aria-label={texts.shell.theme[theme]}>
              <span aria-hidden="true">{theme === "dark" ? "☀" : "☾"}</span>
            </button>
            {person && (
              <button type="button" className="button" onClick={signOut}>
                {texts.shell.signOut}
              </button>
            )}
          </div>
        </div>
      </header>
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <Announcements />
      {config.demoSystems && <DemoDrawer address={config.demoSystems} />}
      <footer className="foot">
        <p>{texts.shell.foot}</p>
      </footer>
    </>
  );
}
