(() => {
  const page = document.documentElement, said = document.body.dataset
  const part = name => document.querySelector(`[data-backsoon=${name}]`)
  const show = element => element && (element.hidden = false)
  const main = tag => tag.split('-')[0]
  for (const time of document.querySelectorAll('time[datetime]')) try {
    const at = new Date(time.dateTime), mine = navigator.languages.find(tag => main(tag) == main(page.lang))
    const shown = new Intl.DateTimeFormat(mine || page.lang, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric',
      hour: 'numeric', minute: '2-digit', timeZoneName: 'short' }).format(at)
    time.title = time.textContent
    time.textContent = shown
    const turn = (hand, degrees) => document.querySelectorAll(`[data-hand=${hand}]`).forEach(path =>
      path.setAttribute('transform', `rotate(${degrees} 180 149)`))
    turn('hour', at.getHours() * 30 + at.getMinutes() / 2)
    turn('minute', at.getMinutes() * 6)
  } catch {}
  const back = part('return')
  if (back && history.length > 1) {
    show(back)
    back.onclick = () => history.back()
  }
  if (!('check' in said)) return
  let pause = 15, typed, due
  addEventListener('input', () => typed = true)
  const closed = answer => answer.type != 'opaqueredirect' && (answer.status >= 500 ||
    answer.headers.has('backsoon-window') || !('window' in said) && answer.status == said.status)
  const wait = told => {
    const asked = Math.min(+told || (Date.parse(told) - Date.now()) / 1000 || 0, 300)
    setTimeout(look, Math.max(pause, asked) * (1 + Math.random() / 2) * 1000)
    pause = Math.min(pause * 1.5, 300)
  }
  const look = async () => {
    due = document.hidden
    if (due) return
    try {
      const answer = await fetch(location.href, { method: 'HEAD', cache: 'no-store', redirect: 'manual' })
      if (closed(answer)) return wait(answer.headers.get('retry-after'))
    } catch {
      return wait(0)
    }
    const status = part('status')
    if (!('sent' in said || typed)) location.replace(location.href.split('#')[0])
    else if (status) status.textContent = status.dataset.reopened
  }
  addEventListener('visibilitychange', () => due && look(), true)
  show(part('checking'))
  wait(0)
})()
