// Whose requests these are. A token lives in memory and in `sessionStorage`, so that a reload keeps it and closing the browser's
// tab forgets it; it never goes into `localStorage` or an address.

/** What the bar at the top holds. */
export interface Credentials {
  /** An API token or access token, without `Bearer`. */
  token: string;
  /** The tenant that a caller of several, or of all, chooses. */
  tenant: string;
}

/** The names of the headers, and of the keys of `connection_init`. */
export const AUTHORIZATION = "authorization";
export const TENANT = "Noren-Tenant";

const KEY = "noren.credentials";
const NONE: Credentials = { token: "", tenant: "" };

/** What this browser's tab remembers. */
export function remembered(): Credentials {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return { ...NONE, ...(kept as Partial<Credentials> | null) };
  } catch {
    return NONE;
  }
}

/** Remembers them until the browser's tab is closed. */
export function remember(credentials: Credentials): void {
  try {
    if (credentials.token || credentials.tenant) sessionStorage.setItem(KEY, JSON.stringify(credentials));
    else sessionStorage.removeItem(KEY);
  } catch {
    // Without storage they last as long as the page.
  }
}

/** The token in what somebody pasted: the value itself, or the header with it. */
export function tokenIn(pasted: string): string {
  return pasted.trim().replace(/^"?authorization"?\s*:\s*/i, "").replace(/^"?bearer\s+/i, "").replace(/"?[,\s]*$/, "");
}

/** The headers of a request: the bar's, and before them those of the tab, where they say something. */
export function headersOf(credentials: Credentials, ofTab: Record<string, unknown> = {}): Headers {
  const headers = new Headers();
  if (credentials.token) headers.set(AUTHORIZATION, `Bearer ${credentials.token}`);
  if (credentials.tenant) headers.set(TENANT, credentials.tenant);
  for (const [name, value] of Object.entries(ofTab)) {
    const text = String(value ?? "").trim();
    // The template's `Bearer ` that nobody filled in.
    if (text && !/^bearer$/i.test(text)) headers.set(name, text);
  }
  return headers;
}

/** Whether the headers that are being written in a tab name a token. */
export const namesToken = (ofTab: string): boolean => /"authorization"\s*:\s*"\s*bearer\s+[^\s"]/i.test(ofTab);
