import { Component, type ReactNode } from 'react';

import { Failure } from './basics';

/** Keeps a fault in one part from taking the rest of the panel with it. */
export class Boundary extends Component<{ children: ReactNode }, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    return error ? (
      <Failure error={error} retry={() => this.setState({ error: null })} />
    ) : (
      this.props.children
    );
  }
}
