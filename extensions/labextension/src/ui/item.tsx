import { type KeyboardEvent, type ReactNode, useId, useRef } from 'react';

import { Boundary } from './boundary';

export interface Tab {
  name: string;
  label: string;
  count?: number;
  content: () => ReactNode;
}

export interface ItemProps {
  title: string;
  subtitle: ReactNode;
  badge: ReactNode;
  actions: ReactNode;
  /** Between header and tabs, such as what is on its way into the thing. */
  above?: ReactNode;
  /** What a screen reader is told when it changes. */
  live: string;
  tabs: Tab[];
  tab: string;
  onTab: (name: string) => void;
}

/** A thing's view: header with name, state and actions, then tabs, of which one is shown. */
export function Item({
  title,
  subtitle,
  badge,
  actions,
  above,
  live,
  tabs,
  tab,
  onTab
}: ItemProps): JSX.Element {
  const id = useId();
  const shown = tabs.find(each => each.name === tab) ?? tabs[0];
  return (
    <section className="hm-Item" aria-labelledby={`${id}-title`}>
      <header className="hm-Item-header">
        <div className="hm-Item-names">
          <h2 id={`${id}-title`}>{title}</h2>
          {badge}
          <div className="hm-Item-subtitle">{subtitle}</div>
        </div>
        <div className="hm-Item-actions">{actions}</div>
      </header>
      <div className="hm-mod-hidden" role="status" aria-live="polite">
        {live}
      </div>
      {above}
      <Tabs id={id} tabs={tabs} shown={shown.name} onTab={onTab} />
      <div
        className="hm-Item-panel"
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-${shown.name}`}
        // A panel whose content takes no focus must be scrollable by keyboard all the same.
        tabIndex={0}
        key={shown.name}
      >
        <Boundary>{shown.content()}</Boundary>
      </div>
    </section>
  );
}

interface TabsProps {
  id: string;
  tabs: Tab[];
  shown: string;
  onTab: (name: string) => void;
}

function Tabs({ id, tabs, shown, onTab }: TabsProps): JSX.Element {
  const list = useRef<HTMLDivElement>(null);
  const onKeyDown = (event: KeyboardEvent) => {
    const at = tabs.findIndex(tab => tab.name === shown);
    const next: { [key: string]: number } = {
      ArrowRight: at + 1,
      ArrowLeft: at - 1,
      Home: 0,
      End: tabs.length - 1
    };
    if (event.key in next) {
      const index = (next[event.key] + tabs.length) % tabs.length;
      onTab(tabs[index].name);
      list.current?.querySelectorAll<HTMLElement>('[role=tab]')[index]?.focus();
      event.preventDefault();
    }
  };
  return (
    // The tabs inside have the focus; the keys that move between them are caught here.
    // eslint-disable-next-line jsx-a11y/interactive-supports-focus
    <div className="hm-Tabs" role="tablist" ref={list} onKeyDown={onKeyDown}>
      {tabs.map(tab => (
        <button
          type="button"
          key={tab.name}
          id={`${id}-${tab.name}`}
          role="tab"
          aria-selected={tab.name === shown}
          aria-controls={`${id}-panel`}
          tabIndex={tab.name === shown ? 0 : -1}
          onClick={() => onTab(tab.name)}
        >
          {tab.label}
          {tab.count !== undefined && tab.count > 0 && <span className="hm-Count">{tab.count}</span>}
        </button>
      ))}
    </div>
  );
}
