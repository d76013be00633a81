// How an operation reaches the API: queries and mutations by POST, subscriptions each on a WebSocket of their own.
import type { Fetcher, FetcherParams } from "@graphiql/toolkit";
import { type ExecutionResult, getOperationAST, parse } from "graphql";
import { createClient, type SubscribePayload } from "graphql-ws";
import { AUTHORIZATION, type Credentials, headersOf, TENANT } from "./credentials";
import { closing, type Live } from "./live";

const ENDPOINT = "/graphql";
/** Proxies cut connections on which nothing is said. */
const KEEP_ALIVE = 20_000;

/** Whether it is to be subscribed to. What does not parse goes to the API by POST, which says why. */
function isSubscription({ query, operationName }: FetcherParams): boolean {
  try {
    return getOperationAST(parse(query), operationName)?.operation === "subscription";
  } catch {
    return false;
  }
}

/** Sends an operation by POST. */
export async function post(params: FetcherParams, headers: Headers): Promise<ExecutionResult> {
  headers.set("content-type", "application/json");
  headers.set("accept", "application/graphql-response+json, application/json;q=0.9");
  const response = await fetch(ENDPOINT, { method: "POST", headers, body: JSON.stringify(params) });
  const text = await response.text();
  try {
    return JSON.parse(text) as ExecutionResult;
  } catch {
    throw new Error(`The server answered ${response.status} ${response.statusText} without JSON: ${text.slice(0, 200)}`);
  }
}

/** Subscribes on a new connection, as the caller that `headers` name. */
function subscribe(params: FetcherParams, headers: Headers, tell: (live: Live) => void): ReturnType<Fetcher> {
  return {
    subscribe: (observer: { next: (value: ExecutionResult) => void; error: (error: unknown) => void; complete: () => void }) => {
      let [events, stopped, ended] = [0, false, false];
      const client = createClient({
        url: new URL(ENDPOINT, location.href.replace(/^http/, "ws")).href,
        connectionParams: () => {
          const [authorization, tenant] = [headers.get(AUTHORIZATION), headers.get(TENANT)];
          return { ...(authorization && { [AUTHORIZATION]: authorization }), ...(tenant && { [TENANT]: tenant }) };
        },
        // What was sent while it was away would be missed without a word: whoever reads resumes with `after`.
        retryAttempts: 0,
        keepAlive: KEEP_ALIVE,
        on: { connected: () => tell({ state: "open", events }) },
      });
      tell({ state: "connecting" });
      const unsubscribe = client.subscribe(params as SubscribePayload, {
        next: (value) => {
          events += 1;
          tell({ state: "open", events });
          observer.next(value as ExecutionResult);
        },
        error: (error) => {
          ended = true;
          const closed = closing(error);
          tell({ state: "closed", events, ...closed });
          // Where a socket was closed the last event stays to be read, its cursor with it.
          if (Array.isArray(error)) observer.error(error);
          else if (events > 0) observer.complete();
          else observer.error({ message: `${closed.title} ${closed.hint}`.trim() });
          void client.dispose();
        },
        complete: () => {
          if (!ended) tell({ state: "ended", events, stopped });
          ended = true;
          observer.complete();
          void client.dispose();
        },
      });
      return {
        unsubscribe: () => {
          stopped = true;
          unsubscribe();
        },
      };
    },
  } as ReturnType<Fetcher>;
}

/** Sends what GraphiQL runs, as whoever `credentials` are at that moment. */
export function fetcherFor(credentials: () => Credentials, tell: (live: Live) => void): Fetcher {
  return (params, options) => {
    const headers = headersOf(credentials(), options?.headers);
    return isSubscription(params) ? subscribe(params, headers, tell) : post(params, headers);
  };
}
