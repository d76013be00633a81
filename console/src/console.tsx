// GraphiQL with the explorer, the bar for credentials above it, and the state of subscriptions below the answer.
import { explorerPlugin } from "@graphiql/plugin-explorer";
import { GraphiQL, HISTORY_PLUGIN } from "graphiql";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { Bar } from "./bar";
import { type Credentials, namesToken, remember, remembered } from "./credentials";
import { type Example, HEADERS, tabsOf } from "./examples";
import type { Live } from "./live";
import { Status } from "./status";
import { lasting, passing } from "./storage";
import { fetcherFor } from "./transport";

/** How long nothing is typed before the API is asked. */
const SETTLED = 500;
/** On narrower screens the editors stand above one another, and variables and headers are folded away. */
const NARROW = "(max-width: 700px)";

const PLUGINS = [explorerPlugin({ showAttribution: false, hideActions: false }), HISTORY_PLUGIN];

/** The page. */
export function Console({ examples }: { examples: Example[] }) {
  const [credentials, setCredentials] = useState(remembered);
  const [settled, setSettled] = useState(credentials);
  const [live, setLive] = useState<Live | null>(null);
  const [cut, setCut] = useState(0);
  const latest = useRef(credentials);

  const change = useCallback((changed: Credentials) => {
    latest.current = changed;
    remember(changed);
    setCredentials(changed);
  }, []);
  const tell = useCallback((told: Live) => {
    setLive(told);
    if (told.state === "closed") setCut((times) => times + 1);
  }, []);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(credentials), SETTLED);
    return () => clearTimeout(timer);
  }, [credentials]);

  // A new fetcher makes GraphiQL ask for the schema again, which a wrong token had kept from it.
  const fetcher = useMemo(() => fetcherFor(() => latest.current, tell), [settled]);
  const [given] = useState(() => ({ tabs: tabsOf(examples), storage: examples.length ? passing() : lasting() }));
  const first = given.tabs[0]?.headers ?? HEADERS;
  const [headers, setHeaders] = useState(first);

  return (
    <>
      <Bar credentials={credentials} settled={settled} overruled={namesToken(headers)} cut={cut} onChange={change} />
      <main>
        <GraphiQL
          fetcher={fetcher}
          plugins={PLUGINS}
          defaultTabs={given.tabs}
          defaultHeaders={first}
          onEditHeaders={setHeaders}
          storage={given.storage}
          shouldPersistHeaders={false}
          inputValueDeprecation
          schemaDescription
          defaultEditorToolsVisibility={matchMedia(NARROW).matches ? false : undefined}
        >
          <GraphiQL.Logo>GraphiQL</GraphiQL.Logo>
          <GraphiQL.Footer>
            <Status live={live} />
          </GraphiQL.Footer>
        </GraphiQL>
      </main>
    </>
  );
}
