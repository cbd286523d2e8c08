/** How the gateway and its systems are, as it is; for the desk. Everything is from this page's own host. */
import { useMemo } from "react";
import { Badge } from "../parts/Badge";
import { Skeleton } from "../parts/Skeleton";
import { Page } from "../shell/Page";
import { texts } from "../texts";
import { figures, type OperationStatus, operations, type SystemStatus, systems } from "./reading";
import { indexed, type Snapshot, type Span } from "./snapshot";
import { Sparkline } from "./Sparkline";
import { useSnapshots } from "./useSnapshots";

const words = texts.status;

export function StatusPage() {
  const { snapshots, failed } = useSnapshots();
  const last = snapshots.at(-1);
  return (
    <Page title={words.title} lead={last && words.lead(last.workers)}>
      {failed !== null && (
        <p className="problem" role="status">
          {words.failed(failed)}
        </p>
      )}
      {last ? <Status snapshots={snapshots} last={last} /> : failed === null && <Skeleton lines={8} />}
    </Page>
  );
}

function Status({ snapshots, last }: { snapshots: Snapshot[]; last: Snapshot }) {
  const [index, spans] = useMemo(() => {
    const indexes = snapshots.map(indexed);
    const between = snapshots.slice(1).map((after, at): Span => ({ seconds: Math.max(0.1, after.at - snapshots[at]!.at), before: indexes[at]!, after: indexes[at + 1]! }));
    return [indexed(last), between] as const;
  }, [snapshots, last]);
  const now = figures(index, spans);
  const shown = [
    [words.perSecond, (now.perSecond.at(-1) ?? 0).toFixed(1)],
    [words.underWay, `${now.underWay} + ${now.waiting}`],
    [words.lag, words.milliseconds(now.lag)],
    [words.subscriptions, String(now.subscriptions)],
    [words.memory, words.megabytes(now.memory)],
    [words.turnedAway, `${now.shed} + ${now.limited}`],
  ];
  return (
    <>
      <dl className="figures">
        {shown.map(([name, value]) => (
          <div key={name} className="card">
            <dt>{name}</dt>
            <dd className="big">{value}</dd>
            {name === words.perSecond && (
              <dd>
                <Sparkline values={now.perSecond} label={words.perSecondLine} />
              </dd>
            )}
          </div>
        ))}
      </dl>
      <Systems found={systems(index, spans)} />
      <Operations found={operations(index, spans)} />
    </>
  );
}

const lastOf = <T,>(found: (T | undefined)[]) => found.findLast((value) => value !== undefined);

function Systems({ found }: { found: SystemStatus[] }) {
  return (
    <section className="card wide" tabIndex={0} aria-labelledby="status-systems">
      <h2 id="status-systems">{words.systems}</h2>
      <table className="status">
        <thead>
          <tr>
            {words.systemColumns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {found.map((one) => (
            <tr key={one.system}>
              <th scope="row">
                {texts.demo.systems[one.system] ?? one.system}{" "}
                <Badge tone={one.up === undefined ? "plain" : one.up ? "good" : "bad"}>{words.up(one.up)}</Badge>
              </th>
              <td>
                <Sparkline values={one.callsPerSecond} label={words.calls} /> {(one.callsPerSecond.at(-1) ?? 0).toFixed(1)}
              </td>
              <td>
                <Sparkline values={one.latency} label={words.latency} /> {words.milliseconds(lastOf(one.latency))}
              </td>
              <td>
                <Sparkline values={one.failing} label={words.failing} /> {words.share(lastOf(one.failing))}
              </td>
              <td>{words.breaker(one.open, one.tried)}</td>
              <td>{words.share(one.shared)}</td>
              <td>{one.keysPerCall?.toFixed(1) ?? "–"}</td>
              <td>{one.retries}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Operations({ found }: { found: OperationStatus[] }) {
  return (
    <section className="card wide" tabIndex={0} aria-labelledby="status-operations">
      <h2 id="status-operations">{words.operations}</h2>
      {found.length === 0 ? (
        <p className="hint">{words.noOperations}</p>
      ) : (
        <table className="status">
          <thead>
            <tr>
              {words.operationColumns.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {found.slice(0, 20).map((one) => (
              <tr key={one.name}>
                <th scope="row">{one.name}</th>
                <td>{one.count}</td>
                <td>{words.milliseconds(one.slowest)}</td>
                <td>{words.milliseconds(one.own)}</td>
                <td>{one.errors}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
