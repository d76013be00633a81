// What GraphiQL keeps between visits: tabs, history, sizes. Its history would keep each tab's headers as well, and the tokens in
// them; here nothing is stored with its headers.
import type { GraphiQLProps } from "graphiql";

type Storage = NonNullable<GraphiQLProps["storage"]>;

const PREFIX = "noren:";

function withoutHeaders(text: string): string {
  if (!text.includes('"headers"')) return text;
  try {
    return JSON.stringify(JSON.parse(text), (name, value: unknown) => (name === "headers" ? undefined : value));
  } catch {
    return "";
  }
}

/** `localStorage`, without headers. */
export function lasting(): Storage {
  const ours = (): string[] => Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));
  return {
    getItem: (key) => localStorage.getItem(PREFIX + key),
    setItem: (key, value) => localStorage.setItem(PREFIX + key, withoutHeaders(value)),
    removeItem: (key) => localStorage.removeItem(PREFIX + key),
    clear: () => ours().forEach((key) => localStorage.removeItem(key)),
    get length() {
      return ours().length;
    },
  };
}

/** As long as the page: the demo's tokens change with every start, and old tabs would only confuse. */
export function passing(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
    clear: () => kept.clear(),
    get length() {
      return kept.size;
    },
  };
}
