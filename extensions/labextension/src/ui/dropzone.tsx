import { Notification } from '@jupyterlab/apputils';
import type { MimeData } from '@lumino/coreutils';
import { type ReactNode, type RefObject, useEffect, useRef, useState } from 'react';

import { useHimalia } from '../context';
import { Button } from './basics';
import { refused } from './confirm';
import { type Chosen, dropped, inLab, picked } from './files';

/** What Lab's file browser drags: the paths of files and folders. */
const CONTENTS_MIME = 'application/x-jupyter-icontents';

/** An event of Lumino's own dragging (`Drag.Event`). */
interface LuminoDrag extends Event {
  dropAction: string;
  readonly proposedAction: string;
  readonly mimeData: MimeData;
}

export interface DropzoneProps {
  onChosen: (chosen: Chosen) => void;
  children?: ReactNode;
}

/** A place to drop files and folders on, with buttons for who would rather choose them. */
export function Dropzone({
  onChosen,
  chooseInLab,
  children
}: DropzoneProps & { chooseInLab: () => void }): JSX.Element {
  const { trans } = useHimalia();
  return (
    <DropTarget onChosen={onChosen} className="hm-Dropzone">
      {children}
      <p>{trans.__('Drop a folder or files here, or')}</p>
      <p className="hm-Dropzone-buttons">
        <Picker folder onChosen={onChosen}>
          {trans.__('Choose a folder…')}
        </Picker>
        <Picker onChosen={onChosen}>{trans.__('Choose files…')}</Picker>
        <Button onClick={chooseInLab}>{trans.__('Files of this server…')}</Button>
      </p>
    </DropTarget>
  );
}

/** Hands on what was chosen; that there is nothing in it, such as in an empty folder, is said. */
function useChosen(onChosen: (chosen: Chosen) => void): (chosen: Chosen) => void {
  const { trans } = useHimalia();
  return chosen => {
    if (chosen.files.length > 0 || chosen.labPaths) {
      onChosen(chosen);
    } else {
      Notification.warning(trans.__('There are no files in what you chose.'), { autoClose: 5000 });
    }
  };
}

/** Takes what is dropped anywhere on its content, and looks so while something is held over it. */
export function DropTarget({
  onChosen,
  className,
  children
}: DropzoneProps & { className?: string }): JSX.Element {
  const { trans } = useHimalia();
  const [over, setOver] = useState(false);
  const chosen = useChosen(onChosen);
  const take = (transfer: DataTransfer) => {
    dropped(transfer).then(chosen, (error: unknown) =>
      refused(trans.__('What was dropped cannot be read.'), error, trans)
    );
  };
  const target = useRef<HTMLDivElement>(null);
  useLabDrops(target, setOver, onChosen);
  return (
    <div
      ref={target}
      className={className}
      data-over={over || undefined}
      // Lab listens for these, too: what is dropped here is not for it.
      onDragOver={event => {
        if (event.dataTransfer.types.includes('Files')) {
          event.preventDefault();
          event.stopPropagation();
          setOver(true);
        }
      }}
      onDragLeave={() => setOver(false)}
      onDrop={event => {
        setOver(false);
        if (event.dataTransfer.types.includes('Files')) {
          event.preventDefault();
          event.stopPropagation();
          take(event.dataTransfer);
        }
      }}
    >
      {children}
    </div>
  );
}

/** Takes what is dragged here from Lab's file browser. */
function useLabDrops(
  target: RefObject<HTMLElement>,
  setOver: (over: boolean) => void,
  onChosen: (chosen: Chosen) => void
): void {
  const { contents } = useHimalia().docManager.services;
  useEffect(() => {
    const listener = (event: Event) => {
      const drag = event as LuminoDrag;
      if (!drag.mimeData.hasData(CONTENTS_MIME)) {
        return;
      }
      drag.preventDefault();
      drag.stopPropagation();
      drag.dropAction = drag.proposedAction;
      setOver(drag.type === 'lm-dragover');
      if (drag.type === 'lm-drop') {
        const paths = drag.mimeData.getData(CONTENTS_MIME) as string[];
        onChosen(inLab(paths.map(path => contents.localPath(path))));
      }
    };
    const element = target.current;
    const types = ['lm-dragenter', 'lm-dragover', 'lm-dragleave', 'lm-drop'];
    types.forEach(type => element?.addEventListener(type, listener));
    return () => types.forEach(type => element?.removeEventListener(type, listener));
  }, [target, setOver, onChosen, contents]);
}

interface PickerProps {
  folder?: boolean;
  onChosen: (chosen: Chosen) => void;
  children: ReactNode;
}

/** A button that opens the browser's own choice of files, or of a folder. */
export function Picker({ folder, onChosen, children }: PickerProps): JSX.Element {
  const input = useRef<HTMLInputElement>(null);
  const chosen = useChosen(onChosen);
  return (
    <>
      <Button onClick={() => input.current?.click()}>{children}</Button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        {...(folder ? { webkitdirectory: '' } : {})}
        onChange={event => {
          const { files } = event.target;
          chosen(picked(files ?? []));
          // So that the same choice is told again.
          event.target.value = '';
        }}
      />
    </>
  );
}
