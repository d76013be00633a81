// node codegen.mjs SCHEMA FOLDER: types as graphql-codegen makes them, every scalar named, then checked by a strict compiler.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codegen } from '@graphql-codegen/core';
import * as typescript from '@graphql-codegen/typescript';
import * as operations from '@graphql-codegen/typescript-operations';
import { buildSchema, parse, printSchema } from 'graphql';
import ts from 'typescript';

const [schemaFile, folder] = process.argv.slice(2);
const operationsFile = new URL('codegen/back-office.graphql', import.meta.url);
const config = {
  strictScalars: true,
  scalars: { CurrencyCode: 'string', DateTime: 'string', Decimal: 'string', JSON: 'unknown' },
  enumsAsTypes: true,
  useTypeImports: true,
};

async function generate(filename, plugins) {
  const schemaAst = buildSchema(readFileSync(schemaFile, 'utf8'));
  const content = await codegen({
    filename,
    schemaAst,
    schema: parse(printSchema(schemaAst)),
    documents: [{ location: 'back-office.graphql', document: parse(readFileSync(operationsFile, 'utf8')) }],
    config,
    plugins: Object.keys(plugins).map((name) => ({ [name]: {} })),
    pluginMap: plugins,
  });
  writeFileSync(join(folder, filename), content);
  return join(folder, filename);
}

mkdirSync(folder, { recursive: true });
const consumer = join(folder, 'consumer.ts');
copyFileSync(new URL('codegen/consumer.ts', import.meta.url), consumer);
const files = [await generate('schema.ts', { typescript }), await generate('generated.ts', { operations }), consumer];

const program = ts.createProgram(files, {
  strict: true,
  noEmit: true,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  types: [],
});
const problems = ts.getPreEmitDiagnostics(program);
for (const problem of problems) {
  const at = problem.file ? ts.getLineAndCharacterOfPosition(problem.file, problem.start) : undefined;
  console.log(`${problem.file?.fileName ?? ''}:${at ? at.line + 1 : ''}: ${ts.flattenDiagnosticMessageText(problem.messageText, '\n')}`);
}
console.log(`${files.length} files type-checked, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
