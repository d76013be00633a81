// The bar at the top: who is asking.
import { useEffect, useId, useState } from "react";
import { type Credentials, headersOf, tokenIn } from "./credentials";
import favicon from "./favicon.svg";
import { post } from "./transport";

type Standing = { tone: "quiet" | "good" | "bad"; text: string };

const ASK = "query Standing { viewer { kind user { name } tenant { companyName } } }";
const NOBODY: Standing = { tone: "quiet", text: "Kept in this browser tab only. Headers of a query tab go first." };
const OVERRULED: Standing = { tone: "quiet", text: "This query tab has a token of its own under Headers, which goes first." };

interface Viewer {
  kind: string;
  user: { name: string | null } | null;
  tenant: { companyName: string } | null;
}

/** What the API makes of them. */
async function standingOf(credentials: Credentials): Promise<Standing> {
  try {
    const { data, errors } = await post({ query: ASK }, headersOf(credentials));
    const viewer = (data as { viewer?: Viewer | null } | null | undefined)?.viewer;
    if (!viewer) return { tone: "bad", text: errors?.[0]?.message ?? "The API does not know this token." };
    const kind = viewer.kind.toLowerCase().replaceAll("_", " ");
    const name = viewer.user?.name ? `${viewer.user.name}, ` : "";
    return { tone: "good", text: `Accepted: ${name}${kind}${viewer.tenant ? ` of ${viewer.tenant.companyName}` : ""}` };
  } catch (error) {
    return { tone: "bad", text: error instanceof Error ? error.message : "The API could not be asked." };
  }
}

interface BarProps {
  credentials: Credentials;
  /** Those that were typed to the end. */
  settled: Credentials;
  /** Whether the headers of the open query tab bring a token of their own. */
  overruled: boolean;
  /** How often a subscription was cut off: the token may not be what it was. */
  cut: number;
  onChange: (changed: Credentials) => void;
}

/** The fields for the token and the tenant, and what the API says to them. */
export function Bar({ credentials, settled, overruled, cut, onChange }: BarProps) {
  const [shown, setShown] = useState(false);
  const [standing, setStanding] = useState(NOBODY);
  const id = useId();
  const told = overruled && credentials.token ? OVERRULED : standing;

  useEffect(() => {
    let current = true;
    setStanding(NOBODY);
    if (settled.token) void standingOf(settled).then((answer) => current && setStanding(answer));
    return () => {
      current = false;
    };
  }, [settled, cut]);

  return (
    <header className="bar">
      <h1>
        <img src={favicon} alt="" />
        Noren
      </h1>
      <div className="field">
        <label htmlFor={`${id}token`}>API token</label>
        <div className="secret">
          <input
            id={`${id}token`}
            type={shown ? "text" : "password"}
            value={credentials.token}
            onChange={(event) => onChange({ ...credentials, token: tokenIn(event.target.value) })}
            placeholder="Paste it here: noren_…"
            aria-describedby={`${id}standing`}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            data-1p-ignore
            data-lpignore="true"
          />
          <button type="button" onClick={() => setShown(!shown)} aria-pressed={shown} disabled={!credentials.token}>
            {shown ? "Hide" : "Show"}
          </button>
          <button type="button" onClick={() => onChange({ token: "", tenant: "" })} disabled={!credentials.token && !credentials.tenant}>
            Forget
          </button>
        </div>
      </div>
      <div className="field tenant">
        <label htmlFor={`${id}tenant`}>
          Tenant id <span>(optional)</span>
        </label>
        <input
          id={`${id}tenant`}
          type="text"
          value={credentials.tenant}
          onChange={(event) => onChange({ ...credentials, tenant: event.target.value.trim() })}
          placeholder="tenant_…"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
        />
      </div>
      <p id={`${id}standing`} className={`standing ${told.tone}`} role="status">
        {told.text}
      </p>
    </header>
  );
}
