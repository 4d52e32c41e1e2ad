import { InputDialog } from '@jupyterlab/apputils';

import { useHimalia } from '../context';
import { Button } from './basics';
import { told } from './confirm';

interface AliasesProps {
  /** What people call the version, such as `digits@2`. */
  of: string;
  aliases: readonly string[];
  set: (alias: string) => Promise<unknown>;
  remove: (alias: string) => Promise<unknown>;
}

/** A version's further names, which can be moved from one version to another. */
export function Aliases({ of, aliases, set, remove }: AliasesProps): JSX.Element {
  const { trans } = useHimalia();
  const add = async () => {
    const { value } = await InputDialog.getText({
      title: trans.__('Another name for “%1”', of),
      label: trans.__('Such as “production”. If another version has it, it moves here.'),
      okLabel: trans.__('Give it')
    });
    const alias = value?.trim();
    if (alias) {
      await told(() => set(alias), trans.__('“%1” is not called “%2”.', of, alias), trans);
    }
  };
  return (
    <span className="hm-Aliases">
      {aliases.map(alias => (
        <span key={alias} className="hm-Count">
          {alias}
          <Button
            kind="quiet"
            title={trans.__('Take the name “%1” away from “%2”', alias, of)}
            onClick={() => told(() => remove(alias), trans.__('“%1” still has the name.', of), trans)}
          >
            ✕
          </Button>
        </span>
      ))}
      <Button kind="quiet" title={trans.__('Give “%1” another name', of)} onClick={add}>
        {trans.__('+ Alias')}
      </Button>
    </span>
  );
}
