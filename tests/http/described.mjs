// node described.mjs SCHEMA: the schema is valid, and everything in it that people can name has a description.
import { readFileSync } from 'node:fs';
import { buildSchema, isEnumType, isInputObjectType, isInterfaceType, isIntrospectionType, isObjectType, isSpecifiedDirective, isSpecifiedScalarType, validateSchema } from 'graphql';

const schema = buildSchema(readFileSync(process.argv[2], 'utf8'));
const problems = validateSchema(schema).map((error) => error.message);
let count = 0;

function described(path, { description }) {
  count += 1;
  if (!description?.trim()) {
    problems.push(`${path} has no description`);
  }
}

function argumentsOf(path, args) {
  for (const arg of args) {
    described(`${path}(${arg.name}:)`, arg);
  }
}

for (const type of Object.values(schema.getTypeMap())) {
  if (isIntrospectionType(type) || isSpecifiedScalarType(type)) {
    continue;
  }
  described(type.name, type);
  if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)) {
    for (const field of Object.values(type.getFields())) {
      described(`${type.name}.${field.name}`, field);
      argumentsOf(`${type.name}.${field.name}`, field.args ?? []);
    }
  } else if (isEnumType(type)) {
    for (const value of type.getValues()) {
      described(`${type.name}.${value.name}`, value);
    }
  }
}
for (const directive of schema.getDirectives().filter((directive) => !isSpecifiedDirective(directive))) {
  described(`@${directive.name}`, directive);
  argumentsOf(`@${directive.name}`, directive.args);
}

for (const problem of problems) {
  console.log(problem);
}
console.log(`${count} descriptions looked for, ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
