/** Bars for numbers that are better looked at; and the numbers themselves, for those who want to read or hear them. */
import { useId } from "react";
import { texts } from "../texts";

export interface Point {
  label: string;
  value: number;
  /** The value as it is written. */
  text: string;
}

const HEIGHT = 160;
const WIDTH = 640;
/** How wide a bar's place must be for its value above it. */
const WIDE = 50;

export function Plot({ title, points, of, unit }: { title: string; points: Point[]; of: string; unit: string }) {
  const id = useId();
  const most = Math.max(1, ...points.map(({ value }) => value));
  const step = WIDTH / Math.max(1, points.length);
  const every = Math.ceil(points.length / 8);
  return (
    <section className="card" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      <svg className="plot" viewBox={`0 0 ${WIDTH} ${HEIGHT + 28}`} role="img" aria-labelledby={id}>
        <line x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} className="axis" />
        {step <= WIDE && (
          <text x="4" y="12" className="plot-most">
            {points.find(({ value }) => value === most)?.text}
          </text>
        )}
        {points.map(({ label, value, text }, at) => {
          const height = (value / most) * (HEIGHT - 24);
          return (
            <g key={label}>
              <title>{`${label}: ${text}`}</title>
              <rect x={at * step + step * 0.15} width={step * 0.7} y={HEIGHT - height} height={height} rx="3" />
              {value > 0 && step > WIDE && (
                <text x={(at + 0.5) * step} y={HEIGHT - height - 6} className="plot-value">
                  {text}
                </text>
              )}
              {at % every === 0 && (
                <text x={Math.max((at + 0.5) * step, 20)} y={HEIGHT + 20}>
                  {label}
                </text>
              )}
            </g>
          );
        })}
      </svg>
      <details>
        <summary>{texts.desk.operations.table}</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">{of}</th>
              <th scope="col">{unit}</th>
            </tr>
          </thead>
          <tbody>
            {points.map(({ label, text }) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                <td>{text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </details>
    </section>
  );
}
