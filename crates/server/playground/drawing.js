// The last minute as bars: up for an answer that accepted the token, down for one that refused it.

const SVG = 'http://www.w3.org/2000/svg'
const SPAN = 60 // seconds, as wide as the drawing
const LANES = { accepted: [2, 10], refused: [12, 10], missing: [11, 2], renewed: [0, 24], pressed: [0, 24] }

export class Drawing {
  #figure
  #moments
  #began = performance.now()
  #still = matchMedia('(prefers-reduced-motion: reduce)')

  constructor(figure) {
    this.#figure = figure
    this.#moments = figure.querySelector('g')
    const step = () => {
      if (!this.#still.matches) this.#move()
      requestAnimationFrame(step)
    }
    requestAnimationFrame(step)
  }

  /** Adds what happened at a moment; an answer is what the whole drawing then stands for. */
  add(what, at = performance.now()) {
    const [y, height] = LANES[what]
    const bar = document.createElementNS(SVG, 'rect')
    bar.setAttribute('class', what)
    bar.setAttribute('x', (at - this.#began) / 1000)
    bar.setAttribute('y', y)
    bar.setAttribute('width', 0.18)
    bar.setAttribute('height', height)
    this.#moments.append(bar)
    if (what === 'accepted' || what === 'refused' || what === 'missing') this.#figure.dataset.state = what
    this.#move()
  }

  #move() {
    const now = (performance.now() - this.#began) / 1000
    this.#moments.setAttribute('transform', `translate(${SPAN - 0.3 - now} 0)`)
    let first
    while ((first = this.#moments.firstElementChild) && first.getAttribute('x') < now - SPAN - 1) first.remove()
  }
}
