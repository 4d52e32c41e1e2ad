import { IDisposable } from '@lumino/disposable';
import { useEffect, useMemo, useState } from 'react';

import type { Job } from '../api/types';
import { useHimalia } from '../context';
import { Empty, Failure } from '../ui/basics';
import { bytes } from '../ui/format';
import { saveAs } from '../ui/save';
import { LogView } from '../ui/log';
import { LogModel } from '../ui/logmodel';
import { Jobs, jobPath } from './model';
import { isActive } from './states';

const PIECE = 4 * 1024 * 1024;

/** The log of one attempt, the latest first shown, growing while it runs. */
export function JobLog({ job }: { job: Job }): JSX.Element {
  const { jobs, trans } = useHimalia();
  const { status } = job;
  const [chosen, setChosen] = useState<number | null>(null);
  const attempt = chosen ?? status.attempt;
  const growing = isActive(status.state) && attempt === status.attempt;
  const { project, name, id } = job;
  const reader = useMemo(
    () => new LogReader(jobs, { project, name, id }, attempt),
    [jobs, project, name, id, attempt]
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
  const attempts = status.attempts.map(each => each.attempt);
  const dropped = status.attempts.find(each => each.attempt === attempt)?.log_dropped_bytes ?? 0;
  if (error) {
    return <Failure error={error} />;
  }
  if (status.state === 'QUEUED' && attempts.length === 0) {
    return <Empty>{trans.__('The log begins when the job starts.')}</Empty>;
  }
  return (
    <div className="hm-JobLog">
      {attempts.length > 1 && (
        <label className="hm-JobLog-attempt">
          {trans.__('Attempt')}{' '}
          <select
            className="hm-Input"
            value={attempt}
            onChange={event => setChosen(Number(event.target.value))}
          >
            {attempts.map(each => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      )}
      <LogView
        model={reader.model}
        growing={growing}
        note={
          dropped > 0
            ? trans.__('%1 from the middle were left out, because the log grew too long.', bytes(dropped))
            : ''
        }
        onDownload={() => saveAs(`${name}-${attempt}.log`, new Blob([reader.model.lines.join('\n')]))}
      />
    </div>
  );
}

/** Reads what is there by HTTP in large pieces, then follows the live channel from that byte on. */
class LogReader implements IDisposable {
  readonly model = new LogModel();

  constructor(
    private readonly jobs: Jobs,
    private readonly job: { project: string; name: string; id: string },
    private readonly attempt: number
  ) {}

  get isDisposed(): boolean {
    return this._abort.signal.aborted;
  }

  async read(): Promise<void> {
    this._abort = new AbortController();
    this._offset = 0;
    this.model.clear();
    await this.catchUp();
    if (!this.isDisposed) {
      this._following = this.jobs.live.follow(
        `log:${this.job.id}:${this.attempt}`,
        { onMessage: message => message.type === 'log' && this.take(message.offset, message.text) },
        this._offset
      );
    }
  }

  /** Read by HTTP until the end that the log has now. */
  async catchUp(): Promise<void> {
    this._behind = true;
    if (this._reading) {
      return;
    }
    this._reading = true;
    const { signal } = this._abort;
    try {
      while (this._behind && !signal.aborted) {
        this._behind = false;
        while (!signal.aborted && (await this.piece(signal)) > 0);
      }
    } catch (error) {
      if (!signal.aborted) {
        throw error;
      }
    } finally {
      this._reading = false;
    }
  }

  dispose(): void {
    this._abort.abort();
    this._following?.dispose();
  }

  /** Read one piece; the number of bytes that it had. */
  private async piece(signal: AbortSignal): Promise<number> {
    const { project, name } = this.job;
    const response = await this.jobs.client.send('GET', jobPath(project, name, 'log'), {
      query: { attempt: this.attempt, offset: this._offset, limit: PIECE },
      signal
    });
    const content = await response.arrayBuffer();
    const next = Number(response.headers.get('X-Himalia-Next-Offset') ?? this._offset + content.byteLength);
    const read = next - this._offset;
    this._offset = next;
    this.model.append(this._decoder.decode(content, { stream: true }));
    return read;
  }

  private take(offset: number, text: string): void {
    const content = new TextEncoder().encode(text);
    const end = offset + content.byteLength;
    if (offset > this._offset || this._reading) {
      // Something between was not sent, or is on its way: read it, and this piece with it.
      this.catchUp().catch((error: unknown) => console.warn('Himalia: a piece of the log is missing', error));
    } else if (end > this._offset) {
      const fresh =
        offset === this._offset ? text : new TextDecoder().decode(content.subarray(this._offset - offset));
      this._offset = end;
      this.model.append(fresh);
    }
  }

  private _offset = 0;
  private _reading = false;
  /** More came since the last read began. */
  private _behind = false;
  private _abort = new AbortController();
  private _following: IDisposable | undefined;
  private readonly _decoder = new TextDecoder();
}
