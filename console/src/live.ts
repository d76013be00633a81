// How a subscription's connection is, in words.

/** The state of the latest subscription. */
export type Live =
  | { state: "connecting" }
  | { state: "open"; events: number }
  | { state: "ended"; events: number; stopped: boolean }
  | ({ state: "closed"; events: number } & Closing);

/** Why a connection was closed, and what to do. */
export interface Closing {
  title: string;
  hint: string;
}

const RESUME = "Run it again to go on; `after:` with the last cursor leaves nothing out.";
const TOKEN = "Check the API token and the tenant at the top, then run it again.";

/** The codes of `graphql-transport-ws` and of WebSockets themselves: what each means where no reason is given, and what to do. */
const CODES: Record<number, [meaning: string, hint: string]> = {
  1000: ["the server closed the connection", RESUME],
  1001: ["the server has gone away", RESUME],
  1006: ["the connection broke, or could not be made", "Is the server running, and does a proxy let WebSockets through?"],
  1011: ["the server failed", RESUME],
  1012: ["the server stops", RESUME],
  1013: ["the server asks to try again later", RESUME],
  4400: ["a message was not understood", "Reload this page: it may be older than the server."],
  4401: ["Unauthorized", TOKEN],
  4403: ["Forbidden", TOKEN],
  4406: ["Subprotocol not acceptable", "Reload this page: it may be older than the server."],
  4408: ["Connection initialisation timeout", "Run it again."],
  4409: ["this subscription is running already", "Stop it first, then run it again."],
  4429: ["Too many requests", "Wait a moment, then run it again."],
  4500: ["the server failed", RESUME],
  4504: ["Connection acknowledgement timeout", "Run it again."],
};

/** Words for what `graphql-ws` gives when a subscription fails: how the socket was closed, the operation's errors, or an exception. */
export function closing(error: unknown): Closing {
  if (Array.isArray(error)) {
    const message = (error[0] as { message?: string } | undefined)?.message ?? "the operation failed";
    return { title: `Ended: ${message}`, hint: "" };
  }
  const { code, reason } = error as Partial<CloseEvent>;
  if (typeof code === "number") {
    const [meaning, hint] = CODES[code] ?? ["the connection was closed", ""];
    return { title: `Closed, ${code}: ${reason || meaning}.`, hint };
  }
  return { title: error instanceof Error ? error.message : "The connection broke.", hint: "" };
}
