import { render } from 'preact'
import { App } from './app/App'
import { apply } from './app/preferences'
import { restore } from './app/session'
import { register } from './offline/register'
import './design/tokens.css'
import './design/base.css'
import './design/controls.css'
import './app/chat.css'
import './rooms/rooms.css'
import './room/room.css'
import './timeline/timeline.css'
import './panel/panel.css'

await Promise.all([apply(), restore()])
register()
render(<App />, document.getElementById('app')!)
