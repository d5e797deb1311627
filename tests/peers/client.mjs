// A machine whose client is nostr-tools: reports over HTTP (NIP-98) and over a relay (kind 21000, NIP-44),
// reads what it is told, publishes its state, and prints what came of it as one JSON object.
//
// Run with NODE_PATH-like resolution in a directory that has nostr-tools and ws; its argument is JSON:
// { origin, relay, ledger, secret, claims: [two claims], beacon }

import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(pathToFileURL(process.cwd() + '/'))
const { finalizeEvent, getPublicKey, verifyEvent, nip44 } = require('nostr-tools')
const { useWebSocketImplementation, Relay } = require('nostr-tools/relay')
const nip98 = require('nostr-tools/nip98')
useWebSocketImplementation(require('ws'))

const { origin, relay: address, ledger, secret, claims, beacon } = JSON.parse(process.argv[2])
const key = Uint8Array.from(Buffer.from(secret, 'hex'))
const own = getPublicKey(key)
const sign = (template) => finalizeEvent(template, key)
const now = () => Math.floor(Date.now() / 1000)
const shared = nip44.v2.utils.getConversationKey(key, ledger)
const said = {}

async function post(command, tamper = (text) => text) {
  const url = origin + '/v1/commands'
  const token = await nip98.getToken(url, 'POST', sign, true, command)
  const body = tamper(JSON.stringify(command))
  const answer = await fetch(url, { method: 'POST', headers: { authorization: token }, body })
  return { status: answer.status, body: await answer.json() }
}

async function get(path) {
  const url = origin + path
  const token = await nip98.getToken(url, 'GET', sign, true)
  const answer = await fetch(url, { headers: { authorization: token } })
  return { status: answer.status, body: await answer.json() }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms))
const first = { type: 'settlement.claim', ...claims[0] }
said.accepted = await post(first)
// Another second, so that it is another event.
await pause(1100)
said.replayed = await post(first)
said.tampered = await post({ ...first, fee_sats: 1 }, (text) => text.replace('"fee_sats":1', '"fee_sats":2'))
said.settlement = await get('/v1/settlements/' + claims[0].payment_hash)

const relay = await Relay.connect(address)
const answers = new Map()
const listen = () =>
  relay.subscribe([{ kinds: [21000], '#p': [own], since: now() - 60 }], {
    onevent(event) {
      const asked = event.tags.find(([name]) => name === 'e')?.[1]
      answers.set(asked, { event, body: JSON.parse(nip44.v2.decrypt(event.content, shared)) })
    },
  })
listen()

async function ask(request) {
  for (let attempt = 0; attempt < 20; attempt += 1) {
    const content = nip44.v2.encrypt(JSON.stringify(request), shared)
    const event = sign({ kind: 21000, created_at: now(), tags: [['p', ledger]], content })
    // A relay need not say that it took an event that it does not keep; only the answer counts.
    relay.publish(event).catch(() => {})
    for (let waited = 0; waited < 2000; waited += 20) {
      const answer = answers.get(event.id)
      if (answer) {
        const { event, body } = answer
        return { body, author: event.pubkey, verified: verifyEvent(event) }
      }
      await pause(20)
    }
  }
  throw new Error('no answer to ' + JSON.stringify(request))
}

const request = (claim, requestId) => ({ rpcName: 'settlement.claim', requestId, body: claim })
said.nostrAccepted = await ask(request(claims[1], 'r-1'))
said.nostrReplayed = await ask(request(claims[0], 'r-2'))
said.nostrRefused = await ask(request({ ...claims[1], fee_sats: 1 }, 'r-3'))

// What the operator has set for this machine.
const address78 = 'bitspire-cassettes:' + own
said.setting = await new Promise((done, fail) => {
  setTimeout(() => fail(new Error('no setting of cassettes')), 20000)
  relay.subscribe([{ kinds: [30078], authors: [ledger], '#d': [address78] }], {
    onevent: (event) => done(JSON.parse(nip44.v2.decrypt(event.content, shared))),
  })
})
const state = nip44.v2.encrypt(JSON.stringify(said.setting), shared)
const publish = (tag, content) =>
  relay.publish(sign({ kind: 30078, created_at: now(), tags: [['d', tag]], content }))
await publish('bitspire-cassettes-state:' + own, state)
await publish('beacon', JSON.stringify(beacon))
relay.close()
console.log(JSON.stringify(said))
process.exit(0)
