// node alerts.mjs SCREEN URL SCREENSHOTS: subscribes to alerts with TOKEN, has another client raise some with RAISER, and takes the
// token TOKEN_ID back as ADMIN.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { refused, scenario } from './page.mjs';

const { TOKEN, TOKEN_ID, RAISER, ADMIN } = process.env;
const SUBSCRIPTION = 'subscription Alerts { alertEvents { kind alert { id type message } } }';
const RAISE = 'mutation ($type: String!, $message: String!) { alertRaise(input: {type: $type, severity: HIGH, message: $message}) { alert { id } userErrors { message } } }';
const REVOKE = 'mutation ($id: ID!) { apiTokenRevoke(input: {id: $id}) { userErrors { message } } }';

await scenario(async (graphiql, url) => {
  const { page, subscription } = graphiql;
  const as = async (token, query, variables) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const answer = await (await fetch(new URL('/graphql', url), { method: 'POST', headers, body: JSON.stringify({ query, variables }) })).json();
    const [payload] = Object.values(answer.data ?? {});
    assert.deepEqual(payload?.userErrors, [], JSON.stringify(answer));
    return payload;
  };
  const raise = (type, message) => as(RAISER, RAISE, { type, message });

  await graphiql.token(TOKEN, 'Accepted');
  await graphiql.write(SUBSCRIPTION);
  const [socket] = await Promise.all([page.waitForEvent('websocket'), graphiql.run()]);
  assert.equal(socket.url(), new URL('/graphql', url.replace('http', 'ws')).href);
  await subscription.getByText('Live').waitFor();

  // Nothing tells a client that the server has begun to follow: what is raised until then is not for it.
  const first = subscription.getByText(/\d events? so far/);
  for (let attempt = 1; !(await first.isVisible()); attempt += 1) {
    await raise(`TRIED_${attempt}`, 'Is anybody there?');
    await first.waitFor({ timeout: 2_000 }).catch(() => {});
    assert.ok(attempt < 30, 'no event came');
  }
  const alert = (await raise('DISK_FULL', 'Less than 5 % of the disk is free')).alert.id;
  await graphiql.says('"RAISED"', `"${alert}"`, '"DISK_FULL"', '"Less than 5 % of the disk is free"');
  await graphiql.screenshot('alert');

  await graphiql.stop.click();
  await subscription.getByText('Stopped').waitFor();
  await raise('UNHEARD', 'Nobody listens');
  await sleep(500);
  assert.ok(!(await graphiql.answer()).includes('UNHEARD'));

  await graphiql.run();
  await subscription.getByText('Live').waitFor();
  await as(ADMIN, REVOKE, { id: TOKEN_ID });
  await subscription.getByText('Closed, 4403: Forbidden').waitFor();
  await graphiql.execute.waitFor();
  await page.locator('.standing.bad').waitFor();
  await graphiql.screenshot('closed');

  // And nobody gets in with it again.
  await Promise.all([page.waitForEvent('websocket'), graphiql.run()]);
  await graphiql.says('Closed, 4403');
}, refused);
