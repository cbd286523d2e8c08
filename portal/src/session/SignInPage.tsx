import { Page } from "../shell/Page";
import { config } from "../config";
import { texts } from "../texts";
import { useSession } from "./session";

export function SignInPage() {
  const { signIn, why } = useSession();
  const people = Object.keys(config.demoTokens);
  return (
    <Page title={texts.signIn.title} className="sign-in">
      <p className="lead">{texts.signIn.lead}</p>
      {why && (
        <p role="alert" className="notice notice-warn">
          {texts.signIn.why[why]}
        </p>
      )}
      {config.signIn && (
        <button type="button" className="button primary wide" onClick={() => signIn()}>
          {texts.signIn.button}
        </button>
      )}
      {people.length > 0 && (
        <>
          <h2 className="quiet-heading">{texts.signIn.demo}</h2>
          <ul className="people">
            {people.map((name) => (
              <li key={name}>
                <button type="button" className="person" onClick={() => signIn(name)}>
                  <span className="avatar" aria-hidden="true">
                    {(texts.signIn.people[name]?.name ?? name)[0]}
                  </span>
                  <span>
                    <strong>{texts.signIn.people[name]?.name ?? name}</strong>
                    <small>{texts.signIn.people[name]?.is ?? ""}</small>
                  </span>
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      {!config.signIn && people.length === 0 && <p className="notice notice-warn">{texts.signIn.notSet}</p>}
    </Page>
  );
}
