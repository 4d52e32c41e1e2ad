import { useEffect, useState } from 'react';

import { useHimalia } from '../context';
import { Failure, Loading } from './basics';
import { bytes } from './format';
import { useLoaded } from './hooks';

type Kind = 'html' | 'image' | 'text';

const LARGEST = 32 * 1024 * 1024;
const TEXT_SHOWN = 1024 * 1024;
const TEXTS = /\.(txt|log|csv|tsv|json|jsonl|ya?ml|toml|md|py|xml)$/i;

/** How a file can be shown, or null where it can only be downloaded. */
export function previewKind(name: string, mediaType: string): Kind | null {
  if (/\.html?$/i.test(name) || mediaType.startsWith('text/html')) {
    return 'html';
  }
  if (mediaType.startsWith('image/')) {
    return 'image';
  }
  return mediaType.startsWith('text/') || TEXTS.test(name) ? 'text' : null;
}

export interface PreviewProps {
  name: string;
  mediaType: string;
  /** Bytes. */
  size: number;
  load: (signal: AbortSignal) => Promise<Blob>;
}

/** A file that a person's code made, shown so that nothing in it can act for the visitor. */
export function Preview({ name, mediaType, size, load }: PreviewProps): JSX.Element {
  const { trans } = useHimalia();
  const tooLarge = size > LARGEST;
  const { value, error, reload } = useLoaded(
    signal => (tooLarge ? Promise.resolve(new Blob()) : load(signal)),
    [name, tooLarge]
  );
  if (tooLarge) {
    return (
      <p className="hm-Note">{trans.__('%1 is too large to show. Download it instead.', bytes(size))}</p>
    );
  }
  if (error) {
    return <Failure error={error} retry={reload} />;
  }
  if (!value) {
    return <Loading />;
  }
  const kind = previewKind(name, mediaType);
  return (
    <div className="hm-Preview">
      {kind === 'html' && <Page name={name} content={value} />}
      {kind === 'image' && <Picture name={name} content={value} mediaType={mediaType} />}
      {kind === 'text' && <Text content={value} />}
    </div>
  );
}

/** In a frame of an opaque origin: its scripts run, but reach neither Lab, the hub nor any cookie. */
function Page({ name, content }: { name: string; content: Blob }): JSX.Element {
  const text = useText(content);
  // A frame that was empty first stays so in some browsers: it is made when its content is there.
  return (
    <>{text && <iframe title={name} sandbox="allow-scripts" referrerPolicy="no-referrer" srcDoc={text} />}</>
  );
}

/** As an image, so that scripts in an SVG do not run. */
function Picture({
  name,
  content,
  mediaType
}: {
  name: string;
  content: Blob;
  mediaType: string;
}): JSX.Element {
  const [url, setUrl] = useState('');
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([content], { type: mediaType }));
    setUrl(made);
    return () => URL.revokeObjectURL(made);
  }, [content, mediaType]);
  return <>{url && <img src={url} alt={name} />}</>;
}

function Text({ content }: { content: Blob }): JSX.Element {
  const { trans } = useHimalia();
  const text = useText(content.size > TEXT_SHOWN ? content.slice(0, TEXT_SHOWN) : content);
  return (
    <>
      {/* A region that scrolls must be reachable by keyboard. */}
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre tabIndex={0}>{text}</pre>
      {content.size > TEXT_SHOWN && (
        <p className="hm-Note">
          {trans.__('The first %1 are shown. Download it to see the rest.', bytes(TEXT_SHOWN))}
        </p>
      )}
    </>
  );
}

function useText(content: Blob): string {
  return useLoaded(() => content.text(), [content]).value ?? '';
}
