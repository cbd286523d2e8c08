/** A line of the last two minutes; what it says at its end stands beside it as text. */

const WIDTH = 120;
const HEIGHT = 28;

export function Sparkline({ values, label }: { values: (number | undefined)[]; label: string }) {
  const most = Math.max(...values.map((value) => value ?? 0), 1e-9);
  const step = WIDTH / Math.max(1, values.length - 1);
  const points = values.map((value, at) => (value === undefined ? null : `${(at * step).toFixed(1)},${(HEIGHT - 2 - (value / most) * (HEIGHT - 4)).toFixed(1)}`));
  const lines = points.reduce<string[][]>((parts, point) => {
    if (point === null) parts.push([]);
    else parts.at(-1)!.push(point);
    return parts;
  }, [[]]);
  return (
    <svg className="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={label}>
      {lines.map((line, at) => line.length > 0 && <polyline key={at} points={line.length === 1 ? `${line[0]} ${line[0]}` : line.join(" ")} />)}
    </svg>
  );
}
