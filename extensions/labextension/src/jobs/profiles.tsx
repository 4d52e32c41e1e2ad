import type { Profile, Size } from '../api/types';
import { PageSettings, useHimalia } from '../context';
import { bytes } from '../ui/format';
import { Field } from '../ui/form';

export interface Choice {
  profile: string;
  size: string;
}

/** What ran in the notebook runs as a job: in its kernel's environment, by the server's own profile if that fits. */
export function firstChoice(profiles: Profile[], page: PageSettings, kernel: string | undefined): Choice {
  const usable = profiles.filter(profile => profile.available);
  // No environment has a dot in its name: what follows is the requirements.txt beside the notebook.
  const environment = kernel?.split('.')[0];
  const own = usable.find(each => each.name === page.profile);
  const fits = own?.environment === environment ? own : usable.find(each => each.environment === environment);
  return withSize(profiles, page, fits ?? own ?? usable[0]);
}

function withSize(profiles: Profile[], page: PageSettings, profile: Profile | undefined): Choice {
  if (!profile) {
    return { profile: '', size: '' };
  }
  const own = profile.name === page.profile && profile.sizes.find(size => size.name === page.size);
  return { profile: profile.name, size: (own || defaultSize(profiles, profile.name))?.name ?? '' };
}

export function defaultSize(profiles: Profile[], name: string): Size | undefined {
  const profile = profiles.find(each => each.name === name);
  return profile?.sizes.find(size => size.default) ?? profile?.sizes[0];
}

interface ProfileFieldsProps {
  profiles: Profile[];
  choice: Choice;
  onChoice: (choice: Choice) => void;
  errors: { [field: string]: string };
}

export function ProfileFields({ profiles, choice, onChoice, errors }: ProfileFieldsProps): JSX.Element {
  const { trans } = useHimalia();
  const profile = profiles.find(each => each.name === choice.profile);
  const size = profile?.sizes.find(each => each.name === choice.size);
  const unavailable = profiles.filter(each => !each.available && each.reason);
  return (
    <>
      <Field label={trans.__('Profile')} description={profile?.description} error={errors.profile}>
        {attributes => (
          <select
            {...attributes}
            className="hm-Input"
            value={choice.profile}
            onChange={event =>
              onChoice({
                profile: event.target.value,
                size: defaultSize(profiles, event.target.value)?.name ?? ''
              })
            }
          >
            {profiles.map(each => (
              <option key={each.name} value={each.name} disabled={!each.available}>
                {each.available ? each.title : trans.__('%1 (not available)', each.title)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label={trans.__('Size')} description={size && <Free size={size} />} error={errors.size}>
        {attributes => (
          <select
            {...attributes}
            className="hm-Input"
            value={choice.size}
            onChange={event => onChoice({ ...choice, size: event.target.value })}
          >
            {(profile?.sizes ?? []).map(each => (
              <option key={each.name} value={each.name}>
                {sizeText(each, trans)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {unavailable.length > 0 && (
        <details className="hm-Quiet">
          <summary>{trans.__('Why are some profiles not available?')}</summary>
          <ul>
            {unavailable.map(each => (
              <li key={each.name}>
                {each.title}: {each.reason}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function Free({ size }: { size: Size }): JSX.Element {
  const { trans } = useHimalia();
  if (size.reason) {
    return <>{size.reason}</>;
  }
  if (size.free_for_jobs === null) {
    return <></>;
  }
  return (
    <>
      {size.free_for_jobs > 0
        ? trans.__('Free now: it starts at once.')
        : trans.__('Nothing of this size is free now: it waits in the queue.')}
    </>
  );
}

function sizeText(size: Size, trans: ReturnType<typeof useHimalia>['trans']): string {
  const parts = [
    trans._n('%1 core', '%1 cores', size.cpus),
    bytes(size.memory_bytes),
    ...Object.entries(size.accelerators ?? {}).map(([resource, count]) => `${count} × ${resource}`)
  ];
  return `${size.title || size.name}: ${parts.join(', ')}`;
}
