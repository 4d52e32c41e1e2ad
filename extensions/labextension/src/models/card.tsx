import { MimeModel } from '@jupyterlab/rendermime';
import { Widget } from '@lumino/widgets';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';

import type { ModelVersion } from '../api/types';
import { useHimalia } from '../context';
import { Button, Failure, Loading } from '../ui/basics';
import { told } from '../ui/confirm';
import { useLoaded } from '../ui/hooks';

/** A version for people to read, and its description to write. */
export function Card({ version }: { version: ModelVersion }): JSX.Element {
  const { models, trans } = useHimalia();
  const { value, error, reload } = useLoaded(signal => models.card(version, signal), [models, version.etag]);
  const [typed, setTyped] = useState<string>();
  if (error && !value) {
    return <Failure error={error} retry={reload} />;
  }
  if (!value) {
    return <Loading />;
  }
  const save = async () => {
    const saved = await told(
      () => models.describe(version, typed ?? ''),
      trans.__('The description was not saved.'),
      trans
    );
    if (saved) {
      setTyped(undefined);
      reload();
    }
  };
  if (typed !== undefined) {
    return (
      <div className="hm-Card">
        <textarea
          className="hm-Input"
          aria-label={trans.__('Description in Markdown')}
          rows={14}
          value={typed}
          onChange={event => setTyped(event.target.value)}
        />
        <p className="hm-Best-actions">
          <Button kind="accept" onClick={save}>
            {trans.__('Save')}
          </Button>
          <Button onClick={() => setTyped(undefined)}>{trans.__('Cancel')}</Button>
        </p>
      </div>
    );
  }
  return (
    <div className="hm-Card">
      <p className="hm-Best-actions">
        <Button onClick={() => setTyped(value.description)}>{trans.__('Edit description')}</Button>
      </p>
      <Markdown text={value.markdown} />
    </div>
  );
}

/** Markdown by Lab's own renderer, as untrusted: nothing in it runs. */
function Markdown({ text }: { text: string }): JSX.Element {
  const { rendermime } = useHimalia();
  const host = useRef<HTMLDivElement>(null);
  const widget = useRef<ReturnType<typeof rendermime.createRenderer> | null>(null);
  useLayoutEffect(() => {
    if (!host.current) {
      return undefined;
    }
    const made = rendermime.createRenderer('text/markdown');
    Widget.attach(made, host.current);
    widget.current = made;
    return () => {
      Widget.detach(made);
      made.dispose();
    };
  }, [rendermime]);
  useEffect(() => {
    void widget.current?.renderModel(new MimeModel({ data: { 'text/markdown': text }, trusted: false }));
  }, [text]);
  return <div ref={host} />;
}
