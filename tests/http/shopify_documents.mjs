// Checks every document that is sent to Shopify against a schema of its Admin API: node shopify_documents.mjs <schema.graphql>
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Kind, NoDeprecatedCustomRule, Source, TypeInfo, buildSchema, concatAST, getNamedType, parse, specifiedRules, validate, visit, visitWithTypeInfo } from 'graphql'

const folder = fileURLToPath(new URL('../../integrations/src/shopify/documents/', import.meta.url))
const schemaFile = process.argv[2] ?? process.env.SHOPIFY_SCHEMA
if (!schemaFile) {
  console.error('usage: node shopify_documents.mjs <schema.graphql>')
  process.exit(2)
}

const schema = buildSchema(readFileSync(schemaFile, 'utf8'))
const files = readdirSync(folder, { recursive: true }).filter((file) => file.endsWith('.graphql')).sort()
const documents = files.map((file) => parse(new Source(readFileSync(join(folder, file), 'utf8'), file)))
const problems = validate(schema, concatAST(documents), [...specifiedRules, NoDeprecatedCustomRule], { maxErrors: 1000 }).map(String)

// What a bulk operation may ask for: one root, no variables or fragments, up to five connections, two deep.
for (const [index, document] of documents.entries()) {
  if (!files[index].startsWith('bulk/')) continue
  const info = new TypeInfo(schema)
  let [depth, deepest, connections] = [0, 0, 0]
  const isConnection = () => getNamedType(info.getType())?.name.endsWith('Connection')
  visit(document, visitWithTypeInfo(info, {
    Field: {
      enter() { if (isConnection()) { connections += 1; deepest = Math.max(deepest, depth += 1) } },
      leave() { if (isConnection()) depth -= 1 },
    },
    [Kind.VARIABLE_DEFINITION]() { problems.push(`${files[index]}: a bulk operation takes no variables`) },
    [Kind.FRAGMENT_SPREAD]() { problems.push(`${files[index]}: a bulk operation is written without fragments`) },
  }))
  const roots = document.definitions.flatMap((definition) => definition.selectionSet.selections)
  if (roots.length !== 1 || connections < 1 || connections > 5 || deepest > 2) {
    problems.push(`${files[index]}: ${roots.length} roots, ${connections} connections, ${deepest} deep`)
  }
}

problems.forEach((problem) => console.error(problem))
console.log(`${files.length} documents, ${problems.length} problems`)
process.exit(problems.length === 0 ? 0 : 1)
