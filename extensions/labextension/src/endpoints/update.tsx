import { type FormEvent, useRef, useState } from 'react';

import type { Endpoint, ModelVersion } from '../api/types';
import { type Himalia, useHimalia } from '../context';
import { Failure, Loading } from '../ui/basics';
import { ChoiceField, TextField } from '../ui/fields';
import { useLoaded } from '../ui/hooks';
import { FormFooter, openModal } from '../ui/modal';
import type { Errors } from '../ui/sending';
import { useFocus } from '../ui/sending';
import { update } from './deploy';
import { servingRevision } from './model';

/** Whether it serves a registered model, of which there may be another version. */
export function canUpdate(endpoint: Endpoint): boolean {
  return Boolean(servingRevision(endpoint)?.model);
}

/** Ask which version is to be served from now on. */
export function chooseUpdate(himalia: Himalia, endpoint: Endpoint): void {
  openModal(himalia, himalia.trans.__('Update “%1”', endpoint.name), close => (
    <UpdateForm endpoint={endpoint} close={close} />
  ));
}

function UpdateForm({ endpoint, close }: { endpoint: Endpoint; close: () => void }): JSX.Element {
  const himalia = useHimalia();
  const { models, trans } = himalia;
  const serving = servingRevision(endpoint);
  const model = serving?.model?.name ?? '';
  const { value, error, reload } = useLoaded(
    signal => models.versions({ project: endpoint.project, name: model }, { limit: 100 }, signal),
    [models, endpoint.id, model]
  );
  const [wanted, setWanted] = useState<string>();
  const [share, setShare] = useState('100');
  const [errors, setErrors] = useState<Errors>({});
  const form = useRef<HTMLFormElement>(null);
  useFocus(form, errors);
  const versions = (value?.items ?? []).filter(each => !each.status.problem);
  const version = wanted ?? versions[0]?.name;
  const weight = Number(share);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if (!Number.isInteger(weight) || weight < 1 || weight > 100) {
      setErrors({ weight: trans.__('Write a whole number from 1 to 100.') });
    } else if (serving && version) {
      const { profile, size } = serving.spec;
      close();
      void update(himalia, endpoint, { spec: { model: version, profile, size }, weight });
    }
  };
  const told = ({ name, number, status }: ModelVersion): [string, string] => [
    name,
    [
      trans.__('Version %1', number),
      ...status.aliases,
      serving?.model?.version === String(number) ? trans.__('served now') : ''
    ]
      .filter(Boolean)
      .join(' · ')
  ];
  return (
    <form className="hm-RunForm" ref={form} noValidate onSubmit={onSubmit}>
      <div className="hm-RunForm-body">
        {error && <Failure error={error} retry={reload} />}
        {!value && !error && <Loading />}
        {value && (
          <ChoiceField
            label={trans.__('Version')}
            description={trans.__('It starts beside the present one, and takes over when it is ready.')}
            value={version ?? ''}
            choices={versions.map(told)}
            onValue={setWanted}
          />
        )}
        <details>
          <summary>{trans.__('More')}</summary>
          <TextField
            label={trans.__('Share of calls')}
            description={trans.__('In per cent; the present revision answers the rest.')}
            error={errors.weight}
            value={share}
            onValue={setShare}
          />
        </details>
      </div>
      <FormFooter step={undefined} accept={trans.__('Update')} disabled={!version} cancel={close} />
    </form>
  );
}
