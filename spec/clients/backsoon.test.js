// The snippet before a real gate: `node --test spec/clients/` with `backsoon` in the PATH. scripts/clients does that.

import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { backsoon, Closed } from './backsoon.js'

const folder = mkdtempSync(join(tmpdir(), 'backsoon-clients-'))
const store = `file:${join(folder, 'store')}`
const reached = []
let upstream, gate, site

const type = (...words) => execFileSync('backsoon', [...words, '--store', store], { cwd: folder, encoding: 'utf8' })
const listening = server => new Promise(go => server.listen(0, '127.0.0.1', () => go(server.address().port)))
const until = async is => { while (!await is()) await new Promise(go => setTimeout(go, 50)) }

before(async () => {
  upstream = createServer((request, response) => { reached.push(request.method); response.end('hello') })
  const behind = await listening(upstream)
  const taken = createServer()
  const port = await listening(taken)
  await new Promise(go => taken.close(go))
  site = `http://127.0.0.1:${port}/`
  gate = spawn('backsoon', ['serve', '--listen', `127.0.0.1:${port}`, '--upstream', `http://127.0.0.1:${behind}`, '--store', store],
    { cwd: folder, stdio: 'ignore' })
  await until(() => fetch(site).then(answer => answer.ok, () => false))
})

after(async () => {
  gate.kill()
  await new Promise(go => gate.once('exit', go))
  upstream.close()
  upstream.closeAllConnections()
  rmSync(folder, { recursive: true })
})

test('it has less than 2 KiB', () => {
  assert.ok(statSync(new URL('backsoon.js', import.meta.url)).size < 2048)
})

test('reading waits for the reopening, and the page hears of both', async () => {
  const heard = []
  const ask = backsoon({ closed: notice => heard.push(notice), opened: () => heard.push('open') })
  assert.equal(await (await ask(site)).text(), 'hello')
  assert.deepEqual(heard, [])
  type('on', '--message', 'Back in a minute.')
  const answer = ask(site)
  await until(() => heard.length == 1)
  assert.deepEqual([heard[0].detail, heard[0].status], ['Back in a minute.', 503])
  type('off')
  assert.equal(await (await answer).text(), 'hello')
  assert.equal(heard[1], 'open')
})

test('what would change something fails at once, and is never sent again', async () => {
  type('on')
  const before = reached.length
  const ask = backsoon()
  await assert.rejects(ask(site, { method: 'POST', body: 'order' }), why => why instanceof Closed && why.notice.status == 503)
  type('off')
  await new Promise(go => setTimeout(go, 8000))
  assert.equal(reached.length, before)
})

test('whoever waits can stop', async () => {
  type('on')
  const stop = new AbortController()
  const ask = backsoon({ closed: () => stop.abort(new Error('enough')) })
  await assert.rejects(ask(site, { signal: stop.signal }), /enough/)
  type('off')
})

test('an error of the application is no closing', async () => {
  const ask = backsoon({ closed: () => assert.fail('it is open'), fetch: async () => new Response('', { status: 503 }) })
  assert.equal((await ask(site)).status, 503)
})
