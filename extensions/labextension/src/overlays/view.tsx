import type { TranslationBundle } from '@jupyterlab/translation';

import type { Overlay } from '../api/types';
import { Himalia, useHimalia } from '../context';
import { Button, Failure, Loading } from '../ui/basics';
import { refused } from '../ui/confirm';
import { GrowingLog } from '../ui/growinglog';
import { View } from '../ui/view';
import { isBuilding, overlayPath, stopOverlay, useOverlay } from './model';

export type OverlayPlace = {
  project: string;
  id: string;
  /** Name of the kernel that it is built for. */
  kernel: string;
};

/** The log of a kernel's environment in the main area. */
export class OverlayView extends View<OverlayPlace> {
  constructor(himalia: Himalia, place: OverlayPlace) {
    super(himalia, place);
    this.title.label = himalia.trans.__('Environment log');
    this.title.caption = place.kernel;
  }

  protected content(): JSX.Element {
    return (
      <div className="hm-OverlayView">
        <h2>{this.place.kernel}</h2>
        <OverlayLog project={this.place.project} id={this.place.id} />
      </div>
    );
  }
}

/** How an environment is built from a requirements.txt: what is being done, the log, and a way to end it. */
export function OverlayLog({ project, id }: { project: string; id: string }): JSX.Element {
  const himalia = useHimalia();
  const { trans } = himalia;
  const { overlay, error } = useOverlay(project, id);
  if (error) {
    return <Failure error={error} />;
  }
  if (!overlay) {
    return <Loading />;
  }
  const growing = isBuilding(overlay);
  const cancel = () => {
    stopOverlay(himalia, project, id).catch((failure: unknown) =>
      refused(trans.__('The installation was not cancelled.'), failure, trans)
    );
  };
  return (
    <div className="hm-OverlayLog">
      <div className="hm-OverlayLog-state" role="status">
        <span>{buildText(overlay, trans)}</span>
        {growing && overlay.state !== 'STOPPING' && (
          <Button kind="warn" onClick={cancel}>
            {trans.__('Cancel')}
          </Button>
        )}
      </div>
      <GrowingLog
        path={overlayPath(project, id, 'log')}
        id={id}
        attempt={Math.max(1, overlay.attempt)}
        growing={growing}
        file={`environment-${overlay.digest.slice(0, 8)}.log`}
      />
    </div>
  );
}

function buildText({ state, reason, message }: Overlay, trans: TranslationBundle): string {
  switch (state) {
    case 'QUEUED':
      return trans.__('Building environment… It waits for its turn.');
    case 'SUCCEEDED':
      return trans.__('The environment is ready.');
    case 'FAILED':
      // The log says better why the installer gave up; of other ends it knows nothing.
      return trans.__(
        'The packages of requirements.txt could not be installed. %1',
        reason === 'user_error' ? trans.__('The log says why.') : (message ?? '')
      );
    case 'STOPPING':
    case 'STOPPED':
      return trans.__('The installation was cancelled.');
    default:
      return trans.__('Building environment…');
  }
}
