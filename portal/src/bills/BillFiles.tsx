/** A bill's files. The signed address is asked for when somebody wants to open one: it ends after some minutes. */
import { useState } from "react";
import { BillFilesDocument } from "../gql/graphql";
import { useGraph } from "../graph/context";
import { useSession } from "../session/session";
import { texts } from "../texts";
import type { Bill } from "./BillPage";

const words = texts.bills;

export function BillFiles({ bill }: { bill: Bill }) {
  const { client } = useGraph();
  const { person } = useSession();
  const [opening, setOpening] = useState("");
  const [hasFailed, setFailed] = useState(false);

  async function open(id: string) {
    setOpening(id);
    setFailed(false);
    const tab = window.open("about:blank", "_blank"); // now, or the browser takes it for a pop-up
    try {
      const { data } = await client.query(BillFilesDocument, { id: bill.id }, { requestPolicy: "network-only" }).toPromise();
      const file = data?.bill?.documents.find((one) => one.id === id);
      const address = file?.signedUrl?.url ?? (file?.url && person ? await fetched(file.url, person.token()) : null);
      if (!address || !tab) throw new Error("no address");
      tab.opener = null;
      tab.location.replace(address);
    } catch {
      tab?.close();
      setFailed(true);
    }
    setOpening("");
  }

  if (bill.documents.length === 0) return null;
  return (
    <section className="card">
      <h2>{words.documents}</h2>
      <ul className="files">
        {bill.documents.map(({ id, name }) => (
          <li key={id}>
            <button type="button" className="button wide" onClick={() => void open(id)} aria-disabled={opening === id}>
              {opening === id ? words.opening : words.openFile(name ?? words.document)}
            </button>
          </li>
        ))}
      </ul>
      <div aria-live="polite">{hasFailed && <p className="notice notice-bad">{words.fileFailed}</p>}</div>
    </section>
  );
}

/** Where the gateway signs nothing: the file itself, got with the token. */
async function fetched(address: string, token: string): Promise<string> {
  const answer = await fetch(address, { headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new Error(String(answer.status));
  return URL.createObjectURL(await answer.blob());
}
