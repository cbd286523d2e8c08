import { useGraphiQL } from "@graphiql/react";
import { findNodeAtLocation, parseTree } from "jsonc-parser";
import { type ErrorGroup, type Path, pathText } from "./answer-errors";

/** Paths of one message that are listed; the others are in the answer. */
const MOST_PATHS = 100;

/** Below the answer: each message once, how often it came, and the way to each place. */
export function ErrorList({ groups, more }: { groups: readonly ErrorGroup[]; more: number }) {
  const jump = useJump();
  const total = groups.reduce((sum, { count }) => sum + count, 0);
  return (
    <section className="gateway-error-list" aria-label="Errors of the answer">
      <h2>
        {total === 1 ? "1 error" : `${total} errors`}
        {more > 0 && `, and ${more} more that the gateway left out`}
      </h2>
      <ul>
        {groups.map((group, index) => (
          <li key={index} data-testid="error-group">
            {group.count > 1 && <b>{group.count} × </b>}
            {group.message}{" "}
            <span className="gateway-quiet">
              {[group.code, group.system, group.retryable && "may be asked again"].filter(Boolean).join(", ")}
            </span>
            <Places paths={group.paths} jump={jump} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Places({ paths, jump }: { paths: readonly Path[]; jump(path: Path): void }) {
  const [first, ...others] = paths;
  if (!first) return null;
  const button = (path: Path) => (
    <button type="button" title="Show this place in the answer" onClick={() => jump(path)}>
      {pathText(path)}
    </button>
  );
  if (others.length === 0) return <div>{button(first)}</div>;
  return (
    <details>
      <summary>{paths.length} places</summary>
      <ul>
        {paths.slice(0, MOST_PATHS).map((path) => (
          <li key={pathText(path)}>{button(path)}</li>
        ))}
        {paths.length > MOST_PATHS && <li>and {paths.length - MOST_PATHS} more, in the answer</li>}
      </ul>
    </details>
  );
}

/** Selects a place of the answer in the response pane: the null that stands there, or the nearest above it. */
function useJump(): (path: Path) => void {
  const editor = useGraphiQL(({ responseEditor }) => responseEditor);
  return (path) => {
    const model = editor?.getModel();
    const tree = model && parseTree(model.getValue());
    if (!editor || !model || !tree) return;
    let node = findNodeAtLocation(tree, ["data"]);
    for (let length = path.length; length > 0; length -= 1) {
      const found = findNodeAtLocation(tree, ["data", ...path.slice(0, length)]);
      if (found) {
        node = found;
        break;
      }
    }
    if (!node) return;
    const whole = node.parent?.type === "property" ? node.parent : node;
    const [start, end] = [model.getPositionAt(whole.offset), model.getPositionAt(node.offset + Math.min(node.length, 80))];
    const place = {
      startLineNumber: start.lineNumber,
      startColumn: start.column,
      endLineNumber: end.lineNumber,
      endColumn: end.column,
    };
    editor.setSelection(place);
    editor.revealRangeInCenter(place);
    editor.focus();
  };
}
