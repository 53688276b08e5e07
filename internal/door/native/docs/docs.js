// Draws the OpenAPI and AsyncAPI descriptions. Text only ever becomes text nodes.
const make = (tag, ...children) => { const e = document.createElement(tag); e.append(...children.filter(c => c !== undefined)); return e }
const main = document.getElementById('main'), index = document.getElementById('index')
const last = ref => ref.split('/').pop()

function typeName(s) {
  if (!s) return 'any'
  if (s.$ref) { const a = make('a', last(s.$ref)); a.href = '#' + last(s.$ref); return a }
  const kind = Array.isArray(s.type) ? s.type.find(t => t !== 'null') : s.type
  if (kind === 'array') return make('span', 'list of ', typeName(s.items))
  if (kind === 'object' && typeof s.additionalProperties === 'object') return make('span', 'map to ', typeName(s.additionalProperties))
  return (kind ?? 'any') + (s.format && s.format !== 'int64' && s.format !== 'int32' ? ` (${s.format})` : '')
}
function notes(s) {
  const limits = [['minimum', '≥'], ['maximum', '≤'], ['minLength', 'length ≥'], ['maxLength', 'length ≤'], ['maxItems', 'at most']]
    .filter(([k]) => s[k] !== undefined && !(k === 'minimum' && s[k] === 0)).map(([k, w]) => `${w} ${s[k]}`)
  if (s.enum) limits.push(s.enum.join(' | '))
  if (s.default !== undefined) limits.push(`default ${s.default}`)
  return [s.description, limits.join(', ')].filter(Boolean).join('; ')
}
function fields(s) {
  if (!s) return ''
  if (!s.properties) return make('p', typeName(s))
  const table = make('table')
  for (const [name, p] of Object.entries(s.properties)) {
    table.append(make('tr', make('td', make('code', name + (s.required?.includes(name) ? '' : '?'))), make('td', typeName(p)), make('td', notes(p))))
  }
  return table
}
function section(title, ...children) {
  const h = make('h2', title), a = make('a', title)
  h.id = title.replace(/\W+/g, '-')
  a.href = '#' + h.id
  index.append(a)
  main.append(h, ...children)
}
function operation(method, path, op) {
  const d = make('details', make('summary', make('b', method.toUpperCase()), make('code', path), make('span', op.summary ?? '')))
  if (!op.security) d.append(make('p', 'No token needed.'))
  if (op.parameters) {
    const table = make('table')
    for (const p of op.parameters) table.append(make('tr', make('td', make('code', p.name + (p.required ? '' : '?'))), make('td', p.in), make('td', typeName(p.schema)), make('td', notes({ ...p.schema, description: p.description }))))
    d.append(make('h4', 'Parameters'), table)
  }
  const body = op.requestBody?.content['application/json']?.schema
  if (body) d.append(make('h4', 'Body'), make('p', typeName(body)))
  d.append(make('h4', 'Answers'))
  const table = make('table')
  for (const [status, r] of Object.entries(op.responses)) {
    const schema = Object.values(r.content ?? {})[0]?.schema
    table.append(make('tr', make('td', make('code', status)), make('td', schema ? typeName(schema) : ''), make('td', r.description ?? '')))
  }
  d.append(table)
  return d
}
async function draw() {
  const [rest, socket] = await Promise.all(['/v1/openapi.json', '/v1/asyncapi.json'].map(async u => (await fetch(u)).json()))
  main.replaceChildren(make('p', rest.info.description), make('p', socket.info.description))
  const groups = {}
  for (const [path, methods] of Object.entries(rest.paths)) {
    for (const [method, op] of Object.entries(methods)) (groups[op.tags?.[0] ?? 'other'] ??= []).push(operation(method, path, op))
  }
  for (const [name, list] of Object.entries(groups)) section(name, ...list)
  const frames = side => Object.entries(socket.components.messages).filter(([k]) => k.startsWith(side)).map(([, m]) =>
    make('details', make('summary', make('b', m.name), make('span', m.summary)), fields(socket.components.schemas[last(m.payload.$ref ?? '')] ?? m.payload)))
  section('socket: client to server', ...frames('client_'))
  section('socket: server to client', ...frames('server_'))
  const shapes = Object.entries({ ...socket.components.schemas, ...rest.components.schemas }).map(([name, s]) => {
    const d = make('details', make('summary', make('code', name)), fields(s))
    d.id = name
    return d
  })
  section('shapes', ...shapes)
  open()
}
const open = () => { const d = document.getElementById(location.hash.slice(1)); if (d?.tagName === 'DETAILS') { d.open = true; d.scrollIntoView() } }
addEventListener('hashchange', open)
draw().catch(e => main.replaceChildren(make('p', `The descriptions could not be read: ${e.message}`)))
