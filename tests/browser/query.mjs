// node query.mjs SCREEN URL SCREENSHOTS: pastes TOKEN into GraphiQL and runs a query. The token stays where it belongs.
import assert from 'node:assert/strict';
import { refused, scenario } from './page.mjs';

const { TOKEN } = process.env;

await scenario(async (graphiql, url) => {
  const { page } = graphiql;
  await graphiql.run();
  await graphiql.says('"viewer": null');
  await graphiql.screenshot('anonymous');

  await graphiql.token('noren_nobody_has_this_one', /not valid|unknown|not known|expired|revoked/i);
  await graphiql.screenshot('refused');

  await graphiql.token(`Authorization: Bearer ${TOKEN}`, 'Accepted: tenant admin of Aoi Trading');
  assert.equal(await page.getByLabel('API token').inputValue(), TOKEN);
  await graphiql.write('query Mine { viewer { kind tenant { companyName } } }');
  await graphiql.run();
  await graphiql.says('"TENANT_ADMIN"', '"Aoi Trading"');
  await graphiql.screenshot('answer');

  // Headers of a tab go before the field.
  await graphiql.headers('{"Authorization": "Bearer noren_nor_this_one"}');
  await graphiql.standing.getByText('This query tab has a token of its own').waitFor();
  await graphiql.run();
  await graphiql.says('"UNAUTHENTICATED"');
  await graphiql.screenshot('headers');
  await graphiql.headers('{"Authorization": "Bearer "}');
  await graphiql.standing.getByText('Accepted').waitFor();
  await graphiql.run();
  await graphiql.says('"TENANT_ADMIN"');

  // The explorer writes queries.
  await page.getByRole('button', { name: 'Show GraphiQL Explorer' }).click();
  await page.locator('.graphiql-plugin').getByText('companyName').waitFor();
  await graphiql.screenshot('explorer');
  await page.getByRole('button', { name: 'Hide GraphiQL Explorer' }).click();

  // A reload keeps the token in this browser tab, another one knows nothing of it, and no address or lasting storage ever had it.
  await page.waitForTimeout(1_000);
  await page.reload();
  await graphiql.standing.getByText('Accepted').waitFor();
  const kept = await page.evaluate(() => ({ lasting: JSON.stringify({ ...localStorage }), passing: JSON.stringify({ ...sessionStorage }) }));
  assert.ok(kept.lasting.includes('query Mine'), 'the tabs are kept');
  assert.ok(kept.passing.includes(TOKEN));
  for (const text of [kept.lasting, page.url()]) assert.ok(!text.includes('noren_') && !text.includes('Bearer'), text);
  const another = await page.context().newPage();
  await another.goto(url);
  assert.equal(await another.getByLabel('API token').inputValue(), '');
  await page.getByRole('button', { name: 'Forget' }).click();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
}, refused);
