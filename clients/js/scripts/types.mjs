// Writes src/wire.ts and src/api.generated.ts from what the server says of itself: OpenAPI for REST, AsyncAPI for the socket.
// Usage: node scripts/types.mjs [--check]; --check changes nothing and fails when the two files are not what the server says.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import openapiTS, { astToString } from 'openapi-typescript'

const here = fileURLToPath(new URL('..', import.meta.url))
const binary = process.env.PARLEY_BIN ?? join(here, '../../bin/parley')
const notice = '// Written by scripts/types.mjs from the descriptions that the server publishes. Do not edit.\n\n'

// descriptions starts a server on a folder of its own and asks it.
async function descriptions() {
  const data = await mkdtemp(join(tmpdir(), 'parley-types-'))
  const server = spawn(binary, ['serve', '--data', data, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] })
  try {
    const url = await new Promise((resolve, reject) => {
      let output = ''
      server.stdout.on('data', text => {
        output += text
        const ready = /ready: open (\S+?)\/?\s/.exec(output)
        if (ready) resolve(ready[1])
      })
      server.on('error', reject)
      server.on('exit', code => reject(new Error(`${binary} ended with ${code}`)))
    })
    const read = async path => plain(await (await fetch(url + path)).text())
    return [await read('/v1/openapi.json'), await read('/v1/asyncapi.json')]
  } finally {
    server.kill()
    if (server.exitCode === null) await once(server, 'exit')
    await rm(data, { recursive: true, force: true })
  }
}

const resolve = (description, ref) => ref.slice(2).split('/').reduce((at, step) => at[step], description)
const nameOf = ref => ref.slice(ref.lastIndexOf('/') + 1)
const camel = id => id.replace(/-(\w)/g, (_, letter) => letter.toUpperCase())
const comment = (text, indent = '') => (text ? `${indent}/** ${text.replace(/@\w+/g, '`$&`')} */\n` : '')

// plain leaves out which fields may be added, because a client ignores what it does not know, and that a list may be null, which the
// server never sends.
const plain = text => JSON.parse(text, (key, value) => {
  if (value && typeof value === 'object' && typeof value.additionalProperties === 'boolean') delete value.additionalProperties
  return key === 'type' && Array.isArray(value) ? value.find(type => type !== 'null') : value
})

// schemas puts the shapes of both descriptions together. One that both have must be the same in both.
function schemas(rest, socket) {
  const all = { ...rest.components.schemas }
  for (const [name, schema] of Object.entries(socket.components.schemas)) {
    if (all[name] && JSON.stringify(all[name]) !== JSON.stringify(schema)) throw new Error(`OpenAPI and AsyncAPI disagree about ${name}`)
    all[name] = schema
  }
  return all
}

// frames lists the payloads of one direction of the socket.
function frames(socket, operation) {
  return socket.operations[operation].messages.map(({ $ref }) => {
    const { $ref: message } = resolve(socket, $ref)
    const { payload, summary } = resolve(socket, message)
    return { shape: nameOf(payload.$ref), summary }
  })
}

async function wire(rest, socket) {
  const described = { openapi: '3.1.0', info: rest.info, paths: {}, components: { schemas: schemas(rest, socket) } }
  const text = astToString(await openapiTS(described, { defaultNonNullable: false }))
  const shapes = text.slice(text.indexOf('export interface components'), text.indexOf('export type $defs'))
    .replaceAll('@description ', '').replace(/@username\w*/g, '`$&`').replace(/^ +\/\*\* (@enum \{string\}|Format: int64) \*\/\n/gm, '').replace(/^ +\* (@enum \{string\}|Format: int64)\n/gm, '')
  const union = (name, doc, list) =>
    `/** ${doc} */\nexport type ${name} =\n${list.map(({ shape }) => `  | Wire<"${shape}">`).join('\n')}\n`
  return notice + shapes + '\n/** A shape of the protocol, by the name that its description gives it. */\n' +
    'export type Wire<Name extends keyof components["schemas"]> = components["schemas"][Name]\n\n' +
    union('ClientFrame', 'What a client may send on the socket.', frames(socket, 'hear')) + '\n' +
    union('ServerFrame', 'What a server sends on the socket.', frames(socket, 'tell'))
}

// inputs are the fields of an operation wherever they travel: in the path, in the query or in the body.
function inputs(operation, rest) {
  const fields = (operation.parameters ?? []).filter(p => p.in !== 'header').map(p => {
    const type = p.schema.type === 'array' ? 'string[]' : p.schema.enum ? p.schema.enum.map(v => JSON.stringify(v)).join(' | ')
      : p.schema.type === 'integer' ? 'number' : p.schema.type
    return { name: p.name, text: `${comment(p.description, '    ')}    ${p.name}${p.required ? '' : '?'}: ${type}`, required: p.required }
  })
  const body = operation.requestBody?.content['application/json'].schema
  const shape = body && nameOf(body.$ref)
  const ofBody = shape ? rest.components.schemas[shape] : {}
  for (const { name } of fields) {
    if (ofBody.properties?.[name]) throw new Error(`${operation.operationId} has ${name} twice`)
  }
  const parts = []
  if (fields.length) parts.push(`{\n${fields.map(f => f.text).join('\n')}\n  }`)
  if (shape) parts.push(`Wire<"${shape}">`)
  const required = fields.some(f => f.required) || ofBody.required?.length > 0
  return parts.length ? `input${required ? '' : '?'}: ${parts.join(' & ')}, ` : 'input?: undefined, '
}

function answer(operation) {
  const types = Object.entries(operation.responses).filter(([status]) => status < '300').map(([, response]) => {
    const schema = response.content?.['application/json']?.schema
    return schema ? `Wire<"${nameOf(schema.$ref)}">` : 'undefined'
  })
  return [...new Set(types)].join(' | ')
}

function api(rest) {
  const operations = Object.entries(rest.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })))
  const methods = operations.map(({ operation }) => comment(operation.summary, '  ') +
    `  ${camel(operation.operationId)}(${inputs(operation, rest)}options?: CallOptions): Promise<${answer(operation)}>\n`)
  const table = operations.map(({ path, method, operation }) =>
    `  ${camel(operation.operationId)}: "${method} ${path.replace('/v1/', '')}",\n`)
  return notice + 'import type { CallOptions } from "./rest.ts"\nimport type { Wire } from "./wire.ts"\n\n' +
    `/** Every call of the REST interface, under its operationId. Each throws a {@link ParleyError} when it is refused. */\n` +
    `export interface Api {\n${methods.join('')}}\n\n/** Method and path below /v1/ of each call. */\n` +
    `export const operations: Record<keyof Api, string> = {\n${table.join('')}}\n`
}

const [rest, socket] = await descriptions()
const files = { 'src/wire.ts': await wire(rest, socket), 'src/api.generated.ts': api(rest) }
const check = process.argv.includes('--check')
for (const [file, text] of Object.entries(files)) {
  const there = await readFile(join(here, file), 'utf8').catch(() => '')
  if (there === text) continue
  if (check) {
    console.error(`${file} is not what this server says of itself: run "npm run types" in clients/js and commit it`)
    process.exitCode = 1
  } else {
    await writeFile(join(here, file), text)
    console.log(`wrote ${file}`)
  }
}
