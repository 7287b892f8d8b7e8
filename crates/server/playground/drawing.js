// The last answers as bars, up for one that accepted the token, down for one that refused it; and over them, lines with
// their names, for what happened meanwhile. Everything lies on whole pixels of the screen: what lies between two is blurred.

const SVG = 'http://www.w3.org/2000/svg'
const LANES = { accepted: [18, 35], refused: [53, 35], missing: [52, 2] } // from where, and how high
const LINES = { pressed: 11, renewed: 102, signed: 102 } // where its name stands: above, or below
const BAR = 0.14 // seconds
const ROOM = 56 // for a name, in px

const element = (name, attributes) => {
  const element = document.createElementNS(SVG, name)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  return element
}

export class Drawing {
  #figure
  #svg
  #moments = [] // { at: seconds, element, name }, the oldest first
  #began = performance.now()
  #still = matchMedia('(prefers-reduced-motion: reduce)')
  #width = 0 // like all that follows, in pixels of the screen
  #pace = 0 // a second
  #bar = 1
  #moved = -1

  constructor(figure) {
    this.#figure = figure
    this.#svg = figure.querySelector('svg')
    new ResizeObserver(() => this.#measure()).observe(this.#svg)
    const step = () => {
      if (!this.#still.matches) this.#move()
      requestAnimationFrame(step)
    }
    requestAnimationFrame(step)
  }

  /** Adds an answer, at the moment when it was asked for. It is what the whole drawing then stands for. */
  answer(what, at) {
    const [y, height] = LANES[what]
    this.#add('moments', at, element('rect', { class: what, y, height, width: this.#bar / devicePixelRatio }))
    this.#figure.dataset.state = what
  }

  /** Adds a line, and its name. */
  line(what, text, at = performance.now()) {
    const line = element('g', { class: what })
    const name = element('text', { y: LINES[what] })
    name.textContent = text
    line.append(element('rect', { y: 14, height: 78, width: Math.round(2 * devicePixelRatio) / devicePixelRatio }), name)
    this.#add('lines', at, line, name)
  }

  #add(group, at, element, name) {
    const moment = { at: (at - this.#began) / 1000, element, name }
    this.#moments.push(moment)
    this.#place(moment)
    this.#svg.querySelector(`#${group}`).append(element)
    this.#moved = -1
    this.#move()
  }

  #measure() {
    this.#width = Math.round(this.#svg.clientWidth * devicePixelRatio)
    const seconds = this.#svg.clientWidth < 480 ? 30 : 60
    this.#pace = this.#width / seconds
    this.#bar = Math.max(1, Math.round(this.#pace * BAR))
    const [first, middle] = this.#figure.querySelectorAll('.axis span')
    first.textContent = `${seconds} s ago`
    middle.textContent = `${seconds / 2} s ago`
    for (const moment of this.#moments) {
      if (!moment.name) moment.element.setAttribute('width', this.#bar / devicePixelRatio)
      this.#place(moment)
    }
    this.#moved = -1
    this.#move()
  }

  #place({ at, element }) {
    element.setAttribute('transform', `translate(${Math.round(at * this.#pace) / devicePixelRatio} 0)`)
  }

  #move() {
    const now = (performance.now() - this.#began) / 1000
    const by = this.#width - this.#bar - Math.round(now * this.#pace)
    if (by === this.#moved || !this.#width) return
    this.#moved = by
    for (const group of this.#svg.querySelectorAll('g[id]')) {
      group.setAttribute('transform', `translate(${by / devicePixelRatio} 0)`)
    }
    while (this.#moments[0] && this.#moments[0].at * this.#pace + by < -this.#bar) this.#moments.shift().element.remove()
    this.#name(by)
  }

  /** Puts each name to the left of its line; to its right at the edge; and nowhere, if the next line stands there. */
  #name(by) {
    const next = {}
    for (const { at, element, name } of this.#moments.toReversed()) {
      if (!name) continue
      const x = (at * this.#pace + by) / devicePixelRatio
      const lane = name.getAttribute('y')
      name.setAttribute('text-anchor', x < ROOM ? 'start' : 'end')
      name.setAttribute('x', x < ROOM ? 0 : 2)
      name.setAttribute('visibility', next[lane] - x < (x < ROOM ? 2 : 1) * ROOM ? 'hidden' : 'visible')
      next[lane] = x
    }
  }
}
