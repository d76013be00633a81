// Checks every document that is sent to Shopify against a schema of its Admin API: node shopify_documents.mjs <schema.graphql>
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Kind, NoDeprecatedCustomRule, Source, TypeInfo, buildSchema, concatAST, getNamedType, isEnumType, parse, specifiedRules, validate, visit, visitWithTypeInfo } from 'graphql'

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

// The stand-in of the tests must not know more than there is, nor anything differently.
const standIn = buildSchema(readFileSync(fileURLToPath(new URL('../src/harness/shopify/schema.graphql', import.meta.url)), 'utf8'))
for (const type of Object.values(standIn.getTypeMap())) {
  const real = schema.getType(type.name)
  if (!real) problems.push(`stand-in: ${type.name} is not in the schema`)
  if (isEnumType(type) && isEnumType(real)) {
    type.getValues().filter(({ name }) => !real.getValue(name)).forEach(({ name }) => problems.push(`stand-in: ${type.name}.${name}`))
  }
  for (const field of Object.values(type.getFields?.() ?? {})) {
    const known = real?.getFields?.()[field.name]
    if (String(known?.type) !== String(field.type)) problems.push(`stand-in: ${type.name}.${field.name}: ${field.type}, not ${known?.type}`)
    for (const argument of field.args ?? []) {
      const other = known?.args.find(({ name }) => name === argument.name)
      if (String(other?.type) !== String(argument.type)) problems.push(`stand-in: ${type.name}.${field.name}(${argument.name}: ${argument.type}), not ${other?.type}`)
    }
    for (const argument of known?.args ?? []) {
      const required = String(argument.type).endsWith('!') && argument.defaultValue === undefined
      if (required && !field.args.some(({ name }) => name === argument.name)) problems.push(`stand-in: ${type.name}.${field.name} lacks ${argument.name}`)
    }
  }
}

problems.forEach((problem) => console.error(problem))
console.log(`${files.length} documents, ${problems.length} problems`)
process.exit(problems.length === 0 ? 0 : 1)
