import { useHimalia } from '../context';
import { stateWord } from './words';

/** One shape per state, so that no state is told by colour alone. */
const SHAPES: { [state: string]: JSX.Element } = {
  QUEUED: (
    <>
      <circle cx="8" cy="8" r="5.5" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <path d="M8 5v3.2l2 1.3" fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinecap="round" />
    </>
  ),
  STARTING: (
    <>
      <circle
        cx="8"
        cy="8"
        r="5.5"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeDasharray="3 2"
      />
      <path d="M6.6 5.7v4.6L10.4 8z" fill="currentColor" />
    </>
  ),
  RUNNING: (
    <>
      <circle cx="8" cy="8" r="6.5" fill="currentColor" />
      <path d="M6.4 5v6l5-3z" className="hm-State-ink" />
    </>
  ),
  STOPPING: (
    <>
      <circle
        cx="8"
        cy="8"
        r="5.5"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeDasharray="3 2"
      />
      <rect x="5.8" y="5.8" width="4.4" height="4.4" fill="currentColor" />
    </>
  ),
  SUCCEEDED: (
    <>
      <circle cx="8" cy="8" r="6.5" fill="currentColor" />
      <path d="M4.8 8.2l2.2 2.2 4.2-4.6" fill="none" className="hm-State-line" strokeWidth="1.7" />
    </>
  ),
  FAILED: (
    <>
      <path d="M5.3 1.5h5.4l3.8 3.8v5.4l-3.8 3.8H5.3l-3.8-3.8V5.3z" fill="currentColor" />
      <path d="M5.6 5.6l4.8 4.8m0-4.8l-4.8 4.8" className="hm-State-line" strokeWidth="1.7" />
    </>
  ),
  STOPPED: <rect x="2.5" y="2.5" width="11" height="11" rx="2" fill="currentColor" />,
  PRUNED: (
    <>
      <circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" strokeWidth="1.5" />
      <path d="M4.5 8h7" fill="none" stroke="currentColor" strokeWidth="1.7" />
    </>
  ),
  DRAFT: (
    <circle
      cx="8"
      cy="8"
      r="5.5"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
      strokeDasharray="1.5 2"
    />
  )
};

/** States that look like another: only their words differ. */
const ALIKE: { [state: string]: string } = {
  WAITING: 'QUEUED',
  COMPLETE: 'SUCCEEDED',
  COMPLETED: 'SUCCEEDED',
  READY: 'RUNNING',
  UPDATING: 'STARTING',
  UNAVAILABLE: 'FAILED',
  PENDING: 'QUEUED'
};

/** A state as shape, colour and word; `quiet` leaves the word to screen readers and the hover. */
export function StateBadge({
  state,
  word: given,
  quiet
}: {
  state: string;
  word?: string;
  quiet?: boolean;
}): JSX.Element {
  const { trans } = useHimalia();
  const look = ALIKE[state] ?? state;
  const word = given ?? stateWord(state, trans);
  return (
    <span className="hm-State" data-state={look} title={quiet ? word : undefined}>
      <svg viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
        {SHAPES[look] ?? SHAPES.DRAFT}
      </svg>
      <span className={quiet ? 'hm-mod-hidden' : undefined}>{word}</span>
    </span>
  );
}
