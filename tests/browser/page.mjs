// GraphiQL as somebody sees it who uses it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { chromium, devices } from 'playwright-core';

/** How long anything may take, in milliseconds. */
const PATIENCE = 60_000;
const phone = devices['Pixel 7'];

/** The screens that the page has to be pleasant on. */
const SCREENS = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { ...phone, viewport: { width: 390, height: 844 }, deviceScaleFactor: 1 },
};

/** Browsers report every answer of 401: expected where a token is refused. */
export const refused = (complaint) => complaint.includes('401');

/**
 * Opens the page and has `steps` done on it. What the browser objects to on the way, refused by the policy, missing, thrown or from
 * elsewhere, must be as `expected`. Arguments: SCREEN URL SCREENSHOTS.
 */
export async function scenario(steps, expected = () => false) {
  const [screen, url, screenshots] = process.argv.slice(2);
  // Root has no sandbox; containers have little shared memory.
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const page = await (await browser.newContext({ ...SCREENS[screen], permissions: ['clipboard-read', 'clipboard-write'] })).newPage();
  page.setDefaultTimeout(PATIENCE);
  const complaints = complaintsOf(page, url);
  const graphiql = new GraphiQL(page, join(screenshots, screen));
  try {
    await page.goto(url);
    await graphiql.ready();
    await steps(graphiql, url);
    const [wide, width] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= width, `${wide} pixels on a screen of ${width}`);
    assert.deepEqual(complaints.filter((complaint) => !expected(complaint)), []);
  } catch (error) {
    await graphiql.screenshot('failed');
    console.log(complaints.join('\n'));
    throw error;
  } finally {
    await browser.close();
  }
  console.log('all of it was seen');
}

function complaintsOf(page, url) {
  const complaints = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.stack));
  page.on('request', (request) => {
    const { protocol, host } = new URL(request.url());
    if (!['blob:', 'data:'].includes(protocol) && host !== new URL(url).host) complaints.push(`a request to ${host}`);
  });
  return complaints;
}

class GraphiQL {
  constructor(page, shots) {
    this.page = page;
    this.shots = shots;
    this.standing = page.locator('.standing');
    this.answers = page.getByLabel('Result Window');
    this.subscription = page.getByRole('status', { name: 'Subscription' });
    this.execute = page.getByRole('button', { name: /^Execute query/ });
    this.stop = page.getByRole('button', { name: /^Stop query/ });
  }

  /** Waits until it can be used. */
  async ready() {
    await this.execute.waitFor();
    await this.page.locator('.graphiql-query-editor .monaco-editor').waitFor();
  }

  /** Pastes a text in place of what stands in an editor or a field. */
  async paste(where, text) {
    await this.page.evaluate((text) => navigator.clipboard.writeText(text), text);
    await where.focus();
    await this.page.keyboard.press('ControlOrMeta+A');
    await this.page.keyboard.press('ControlOrMeta+V');
  }

  /** Pastes a token into the field at the top, and waits for what the API makes of it. */
  async token(token, verdict) {
    await this.paste(this.page.getByLabel('API token'), token);
    await this.standing.getByText(verdict).waitFor();
  }

  /** Pastes headers into the open query tab. */
  async headers(headers) {
    await this.page.getByRole('button', { name: 'Headers', exact: true }).click();
    await this.paste(this.page.locator('.graphiql-editor-tool .monaco-editor').last().locator('textarea.inputarea'), headers);
  }

  /** Pastes an operation into a new tab, and has it laid out. */
  async write(operation) {
    await this.page.getByRole('button', { name: 'New tab' }).click();
    await this.paste(this.page.locator('.graphiql-query-editor .monaco-editor textarea.inputarea'), operation);
    await this.page.getByRole('button', { name: /^Prettify/ }).click();
    await this.page.locator('.graphiql-query-editor .view-line').nth(4).waitFor();
  }

  /** Runs it. */
  async run() {
    await this.execute.click();
  }

  /** What stands in the answer's window, without white space: where lines are too long for the screen they are broken anywhere. */
  async answer() {
    const lines = await this.answers.locator('.view-line').evaluateAll((lines) =>
      lines.map((line) => [line.getBoundingClientRect().top, line.textContent]).sort(([one], [other]) => one - other),
    );
    return lines.map(([, text]) => text).join('').replace(/\s/g, '');
  }

  /** Waits until all of these stand in the answer's window. */
  async says(...texts) {
    const deadline = Date.now() + PATIENCE;
    for (let said = await this.answer(); !texts.every((text) => said.includes(text.replace(/\s/g, ''))); said = await this.answer()) {
      assert.ok(Date.now() < deadline, `instead of ${texts.join(', ')} the answer says ${said}`);
      await this.page.waitForTimeout(100);
    }
  }

  /** What there is to see, in a file. */
  async screenshot(name) {
    await this.page.screenshot({ path: `${this.shots}-${name}.png` });
  }
}
