// node relay.mjs SCHEMA FOLDER: Relay's compiler takes the schema, with fragments that page and that are fetched again by node(id:).
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [schemaFile, folder] = process.argv.slice(2);
const expected = ['OrdersPageQuery', 'OrdersPagePaginationQuery', 'StoreOrdersPaginationQuery', 'OrderRowRefetchQuery'];

// In a folder of its own: the compiler walks everything below the folder that its paths have in common.
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
cpSync(fileURLToPath(new URL('relay', import.meta.url)), join(folder, 'src'), { recursive: true });
copyFileSync(schemaFile, join(folder, 'schema.graphql'));
const config = {
  src: './src',
  schema: './schema.graphql',
  artifactDirectory: './src/__generated__',
  language: 'typescript',
  customScalarTypes: { CurrencyCode: 'string', DateTime: 'string', Decimal: 'string', JSON: 'unknown' },
  requireCustomScalarTypes: true,
};
mkdirSync(join(folder, 'src/__generated__'));
writeFileSync(join(folder, 'relay.config.json'), JSON.stringify(config));

const compiler = createRequire(import.meta.url)('relay-compiler');
const { status, error } = spawnSync(compiler, ['--noWatchman', 'relay.config.json'], { cwd: folder, stdio: ['ignore', 'inherit', 'inherit'] });
const missing = expected.filter((name) => !existsSync(join(folder, 'src/__generated__', `${name}.graphql.ts`)));
if (error || missing.length > 0) {
  console.log(error?.message ?? `the compiler made no ${missing.join(', ')}`);
}
process.exitCode = status === 0 && missing.length === 0 ? 0 : 1;
