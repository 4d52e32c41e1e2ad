import { UUID } from '@lumino/coreutils';
import { useCallback, useEffect, useRef, useState } from 'react';

import type { MlflowCode } from '../api/types';
import { Himalia, useHimalia } from '../context';
import { Failure } from '../ui/basics';
import { View } from '../ui/view';

export type MlflowPlace = {
  project: string;
  /** Open at the run of this job. */
  job?: string;
};

/** MLflow's own pages of a project in the main area. */
export class MlflowView extends View<MlflowPlace> {
  constructor(himalia: Himalia, place: MlflowPlace) {
    super(himalia, place);
    this.title.label = place.job ? `MLflow: ${place.job}` : 'MLflow';
    this.title.caption = himalia.trans.__('MLflow of project %1', place.project);
  }

  protected content(): JSX.Element {
    return <Pages place={this.place} />;
  }
}

/**
 * The pages come from an origin of their own, since they show what people's code has made: a one-use code, posted
 * into the frame, opens them.
 */
function Pages({ place }: { place: MlflowPlace }): JSX.Element {
  const { client, trans } = useHimalia();
  const [name] = useState(() => `himalia-mlflow-${UUID.uuid4()}`);
  const [error, setError] = useState<Error>();
  const frame = useRef<HTMLIFrameElement>(null);
  const opening = useRef(false);

  const open = useCallback(() => {
    if (opening.current) {
      return;
    }
    opening.current = true;
    setError(undefined);
    client
      .post<MlflowCode>(
        `/projects/${encodeURIComponent(place.project)}/mlflow/pages`,
        place.job ? { job: place.job } : {}
      )
      .then(answer => postInto(name, answer))
      .catch((failure: Error) => setError(failure))
      .finally(() => {
        opening.current = false;
      });
  }, [client, name, place]);

  useEffect(open, [open]);
  // Lab moves a tab by taking it out of the page, which empties its frame.
  const loaded = () => {
    if (isBlank(frame.current)) {
      open();
    }
  };
  if (error) {
    return <Failure error={error} retry={open} />;
  }
  return (
    <iframe
      ref={frame}
      className="hm-MlflowPages"
      name={name}
      title={trans.__('MLflow of project %1', place.project)}
      sandbox="allow-scripts allow-same-origin allow-forms allow-downloads allow-modals allow-popups allow-popups-to-escape-sandbox"
      onLoad={loaded}
    />
  );
}

/** Whether nothing is shown; the page of another origin cannot be asked. */
function isBlank(frame: HTMLIFrameElement | null): boolean {
  try {
    return frame?.contentWindow?.location.href === 'about:blank';
  } catch {
    return false;
  }
}

/** Post the code as a form: a script of this origin could neither read the answer nor take its cookie. */
function postInto(frame: string, { url, code }: MlflowCode): void {
  const form = document.createElement('form');
  Object.assign(form, { method: 'POST', action: url, target: frame, hidden: true });
  const field = document.createElement('input');
  Object.assign(field, { type: 'hidden', name: 'code', value: code });
  form.append(field);
  document.body.append(form);
  form.submit();
  form.remove();
}
