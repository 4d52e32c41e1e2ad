import { useHimalia } from '../context';

interface VersionChoiceProps {
  number: number;
  versions: readonly { number: number; status: { aliases: string[] } }[];
  onVersion: (number: number) => void;
}

/** Which version of a thing is looked at, by number and aliases. */
export function VersionChoice({ number: chosen, versions, onVersion }: VersionChoiceProps): JSX.Element {
  const { trans } = useHimalia();
  return (
    <select
      className="hm-Input"
      aria-label={trans.__('Version')}
      value={chosen}
      onChange={event => onVersion(Number(event.target.value))}
    >
      {versions.map(({ number, status }) => (
        <option key={number} value={number}>
          {[trans.__('Version %1', number), ...status.aliases].join(' · ')}
        </option>
      ))}
    </select>
  );
}
