import { useEffect, useMemo, useReducer, useState } from 'react';

import { LogReader } from '../api/logreader';
import { useHimalia } from '../context';
import { Failure } from './basics';
import { LogView } from './log';
import { saveAs } from './save';

export interface GrowingLogProps {
  path: string;
  /** Which part of what `path` names; the same object as long as it says the same. */
  query?: { [name: string]: string | number };
  id: string;
  attempt: number;
  /** Whose of a distributed job. */
  rank?: number;
  /** Whether more may come. */
  growing: boolean;
  note?: string;
  /** What a download is called. */
  file: string;
}

/** The log of one attempt of a workload, as it grows. */
export function GrowingLog({
  path,
  query,
  id,
  attempt,
  rank = 0,
  growing,
  note = '',
  file
}: GrowingLogProps): JSX.Element {
  const { client, live } = useHimalia();
  const [turn, again] = useReducer((count: number) => count + 1, 0);
  const reader = useMemo(
    () => new LogReader(client, live, { path, query, id, attempt, rank }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- each turn reads with a reader of its own
    [client, live, path, query, id, attempt, rank, turn]
  );
  const [error, setError] = useState<Error>();
  useEffect(() => {
    setError(undefined);
    reader.read().catch((failure: Error) => setError(failure));
    return () => reader.dispose();
  }, [reader]);
  useEffect(() => {
    if (!growing) {
      reader.catchUp().catch((failure: Error) => setError(failure));
    }
  }, [reader, growing]);
  if (error) {
    return <Failure error={error} retry={again} />;
  }
  return (
    <LogView
      model={reader.model}
      growing={growing}
      note={note}
      onDownload={() => saveAs(file, new Blob([reader.model.lines.join('\n')]))}
    />
  );
}
