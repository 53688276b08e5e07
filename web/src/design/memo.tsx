import { Component, type FunctionComponent } from 'preact'

/** memo renders a component again only when a property is another value than before. Signals that it reads go on to work. */
export function memo<P extends object>(render: FunctionComponent<P>): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      for (const key in next) if (!Object.is(next[key], this.props[key])) return true
      for (const key in this.props) if (!(key in next)) return true
      return false
    }
    override render(props: P) {
      const Inner = render
      return <Inner {...props} />
    }
  }
  return Memo as unknown as FunctionComponent<P>
}
