// The line below the answer: how the subscription's connection is.
import type { Live } from "./live";

const count = (events: number): string => (events === 1 ? "1 event" : `${events} events`);

function words(live: Live): { tone: string; title: string; hint: string } {
  switch (live.state) {
    case "connecting":
      return { tone: "quiet", title: "Connecting…", hint: "" };
    case "open":
      return { tone: "good", title: "Live", hint: live.events ? `${count(live.events)} so far; the latest is shown` : "waiting for the first event" };
    case "ended":
      return { tone: "quiet", title: live.stopped ? "Stopped" : "The subscription is complete", hint: `after ${count(live.events)}` };
    case "closed":
      return { tone: "bad", title: live.title, hint: live.hint };
  }
}

/** How the latest subscription is; nothing before there was one. */
export function Status({ live }: { live: Live | null }) {
  const { tone, title, hint } = live ? words(live) : { tone: "quiet", title: "", hint: "" };
  return (
    <div className={`live ${tone}`} role="status" aria-label="Subscription" data-state={live?.state}>
      {title && (
        <>
          <strong>{title}</strong> <span>{hint}</span>
        </>
      )}
    </div>
  );
}
