/** How a subscription's end is told: the code and reason as they came, and what they mean. */

const MEANINGS: Readonly<Record<number, string>> = {
  1000: "The gateway closed the connection in the ordinary way. Run it again to go on.",
  1001: "The gateway is going away. Run it again in a moment.",
  1005: "The connection was closed without saying why.",
  1006: "The connection was cut: the gateway has ended, or something on the way closed it.",
  1009: "A message of this page was larger than the gateway takes.",
  1011: "Something went wrong in the gateway. Its log says what.",
  1012: "The gateway restarts. Run it again in a moment.",
  1013: "The gateway has too many connections. Run it again in a moment.",
  4400: "The gateway could not read a message of this page.",
  4401: "The gateway does not know who is asking. Choose a token in the bar above, and run it again.",
  4403: "The token was not accepted, or has ended. Choose another one in the bar above, and run it again.",
  4406: "The gateway does not speak this protocol at this address.",
  4408: "The connection was not initialised in time. Run it again.",
  4409: "There already is a subscription with this id on the connection.",
  4429: "There are too many connections, or the connection was initialised twice. Close some, and run it again.",
  4500: "Something went wrong in the gateway. Its log says what.",
};

/** A WebSocket that was closed. */
export function closedWords(code: number, reason: string): string {
  const meaning = MEANINGS[code] ?? "This code has no meaning here.";
  return `Closed with ${code}${reason ? ` (${reason.replace(/\.$/, "")})` : ""}. ${meaning}`;
}

/** A request for a stream that was refused: the gateway says why in a stream of one answer, a proxy in any other way. */
export function refusedWords(status: number, body: string): string {
  const answer = /^data: (.+)$/m.exec(body)?.[1] ?? body;
  return `Refused with HTTP ${status}: ${messagesIn(answer) ?? answer.slice(0, 200)}`;
}

function messagesIn(body: string): string | null {
  try {
    const { errors } = JSON.parse(body) as { errors?: { message: string }[] };
    return errors?.map(({ message }) => message).join("\n") ?? null;
  } catch {
    return null;
  }
}
