import { type FormEvent, useRef, useState } from 'react';

import type { Endpoint, EndpointRevision } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { Failure } from '../ui/basics';
import { TextField } from '../ui/fields';
import { FormFooter, openModal } from '../ui/modal';
import { useFocus, useSending } from '../ui/sending';
import { modelOf, newestFirst } from './model';

/** Whether calls can be shared: more than one revision is ready to answer them. */
export function canShare(endpoint: Endpoint): boolean {
  return ready(endpoint).length > 1;
}

function ready(endpoint: Endpoint): EndpointRevision[] {
  return newestFirst(endpoint).filter(each => each.ready);
}

/** Ask for the share of the calls that each ready revision gets. */
export function shareCalls(himalia: Himalia, endpoint: Endpoint): void {
  openModal(himalia, himalia.trans.__('Share the calls of “%1”', endpoint.name), close => (
    <ShareForm endpoint={endpoint} close={close} />
  ));
}

function ShareForm({ endpoint, close }: { endpoint: Endpoint; close: () => void }): JSX.Element {
  const { endpoints, trans } = useHimalia();
  const [revisions] = useState(() => ready(endpoint));
  const [typed, setTyped] = useState<{ [revision: number]: string }>(() =>
    Object.fromEntries(revisions.map(({ number, weight }) => [number, String(weight)]))
  );
  const form = useRef<HTMLFormElement>(null);
  const { step, failure, errors, send } = useSending();
  useFocus(form, errors);
  const weights = Object.fromEntries(revisions.map(({ number }) => [number, Number(typed[number])]));
  const sum = Object.values(weights).reduce((all, each) => all + each, 0);
  const isWhole = Object.values(weights).every(each => Number.isInteger(each) && each >= 0);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const first = String(revisions[0].number);
    send(
      async () => {
        await endpoints.share(endpoint, weights);
        close();
      },
      !isWhole
        ? { [first]: trans.__('Write whole numbers of per cent.') }
        : sum === 100
          ? {}
          : { [first]: trans.__('The shares come to %1 %; they must come to 100 %.', sum) }
    );
  };
  return (
    <form className="hm-RunForm" ref={form} onSubmit={onSubmit} noValidate>
      <div className="hm-RunForm-body">
        {failure && <Failure error={failure} />}
        <p className="hm-Quiet">{trans.__('In per cent. A revision that gets none is stopped.')}</p>
        {revisions.map(each => (
          <TextField
            key={each.number}
            label={trans.__('Revision %1', each.number)}
            description={modelOf(each)}
            error={errors[each.number]}
            value={typed[each.number] ?? ''}
            onValue={value => setTyped({ ...typed, [each.number]: value })}
          />
        ))}
      </div>
      <FormFooter step={step} accept={trans.__('Share')} disabled={step !== undefined} cancel={close} />
    </form>
  );
}
