// What the page is put together from.

export const $ = (id) => document.getElementById(id)

export function cell(kind, text, name) {
  const cell = document.createElement(kind)
  cell.textContent = text
  cell.className = name
  return cell
}

/** As the rest of the page writes it. */
export const curly = (text) => text.replaceAll("'", '’')
