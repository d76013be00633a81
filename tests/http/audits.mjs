// node audits.mjs URL: every server audit of the package graphql-http. AUTHORIZATION is sent along when it is set.
import { serverAudits } from 'graphql-http';

const url = process.argv[2];
const authorization = process.env.AUTHORIZATION;
const fetchFn = (to, init = {}) => fetch(to, { ...init, headers: { ...init.headers, ...(authorization && { authorization }) } });

const audits = serverAudits({ url, fetchFn });
let passed = 0;
for (const audit of audits) {
  const result = await audit.fn();
  if (result.status === 'ok') {
    passed += 1;
  } else {
    console.log(`${result.status}: ${audit.id} ${audit.name}: ${result.reason}`);
  }
}
console.log(`${passed} of ${audits.length} audits passed`);
process.exitCode = passed === audits.length ? 0 : 1;
