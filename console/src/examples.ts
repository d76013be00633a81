// The tabs that somebody finds who comes for the first time.

/** A query to begin with, as the program's demo gives it. */
export interface Example {
  title: string;
  query: string;
  /** Headers in JSON, the example's bearer among them. */
  headers: string;
}

/** A tab of GraphiQL. */
interface Tab {
  query: string;
  headers: string;
}

/** The headers of a new tab: they go before the fields at the top. */
export const HEADERS = '{\n  "Authorization": "Bearer "\n}';

const WELCOME = `# Your API token goes above, or under Headers.
query WhoAmI {
  viewer {
    kind
    scopes
    tenant { companyName }
  }
}
`;

const ALERTS = `# Every change of an alert, as it happens.
subscription Alerts {
  alertEvents {
    cursor
    kind
    occurredAt
    alert { id type severity status message count }
  }
}
`;

/** The program's examples, from the page that it filled in; none outside of the demo. */
export function givenExamples(): Example[] {
  const given: unknown = JSON.parse(document.getElementById("examples")?.textContent ?? "[]");
  return Array.isArray(given) ? (given as Example[]) : [];
}

/** The tabs to begin with. */
export function tabsOf(examples: Example[]): Tab[] {
  if (examples.length === 0) return [WELCOME, ALERTS].map((query) => ({ query, headers: HEADERS }));
  return examples.map(({ title, query, headers }) => ({ query: `# ${title}\n${query}`, headers }));
}
