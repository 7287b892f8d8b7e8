import { createElement } from 'react'
import { createRoot } from 'react-dom/client'
import { Account, client } from './recipe.jsx'

globalThis.client = client
createRoot(document.querySelector('#root')).render(createElement(Account))
