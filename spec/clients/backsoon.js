// docs/clients.md says how to use this: `const ask = backsoon({ closed: show, opened: hide })`, then `ask` in place of `fetch`.

export class Closed extends Error {
  constructor(notice) {
    super(notice.detail || notice.title)
    Object.assign(this, { name: 'Closed', notice })
  }
}

export function backsoon({ closed, opened, upcoming, fetch = globalThis.fetch, longest = 300 } = {}) {
  let shut = false
  const pause = (seconds, signal) => new Promise((go, stop) => {
    if (signal?.aborted) return stop(signal.reason)
    const timer = setTimeout(go, seconds * 1000)
    signal?.addEventListener('abort', () => { clearTimeout(timer); stop(signal.reason) }, { once: true })
  })
  return async (resource, options = {}) => {
    const request = new Request(resource, options)
    if (!request.headers.has('accept')) request.headers.set('accept', 'application/json, */*;q=0.5')
    for (let wait = 5; ; wait = Math.min(wait * 1.5, longest)) {
      const answer = await fetch(request.clone())
      if (!answer.headers.has('backsoon-window')) {
        if (shut) { shut = false; opened?.() }
        if (answer.headers.has('backsoon-upcoming')) upcoming?.(new Date(answer.headers.get('backsoon-upcoming')))
        return answer
      }
      const notice = await answer.json().catch(() => ({ title: answer.statusText, status: answer.status }))
      if (!shut) { shut = true; closed?.(notice) }
      if (!['GET', 'HEAD'].includes(request.method)) throw new Closed(notice)
      const told = answer.headers.get('retry-after')
      const asked = Math.min(+told || (Date.parse(told) - Date.now()) / 1000 || 0, longest)
      await pause(Math.max(wait, asked) * (1 + Math.random() / 2), request.signal)
    }
  }
}
