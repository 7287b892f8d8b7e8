// A button at each piece of code, where there is something to copy to.

import { cell } from './elements.js'

if (navigator.clipboard) {
  for (const code of document.querySelectorAll('pre code')) {
    const button = cell('button', 'Copy', 'small')
    button.type = 'button'
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(code.textContent)
      button.textContent = 'Copied'
      setTimeout(() => (button.textContent = 'Copy'), 2000)
    })
    code.closest('details').querySelector('.about').append(button)
  }
}
