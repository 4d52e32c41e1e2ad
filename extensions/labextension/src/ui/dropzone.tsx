import { Notification } from '@jupyterlab/apputils';
import { type ReactNode, useRef, useState } from 'react';

import { useHimalia } from '../context';
import { Button } from './basics';
import { refused } from './confirm';
import { type Chosen, dropped, picked } from './files';

export interface DropzoneProps {
  onChosen: (chosen: Chosen) => void;
  children?: ReactNode;
}

/** A place to drop files and folders on, with buttons for who would rather choose them. */
export function Dropzone({ onChosen, children }: DropzoneProps): JSX.Element {
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
      </p>
    </DropTarget>
  );
}

/** Hands on what was chosen; that there is nothing in it, such as in an empty folder, is said. */
function useChosen(onChosen: (chosen: Chosen) => void): (chosen: Chosen) => void {
  const { trans } = useHimalia();
  return chosen => {
    if (chosen.files.length > 0) {
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
  return (
    <div
      className={className}
      data-over={over || undefined}
      // Lumino's own drag events would take the drop elsewhere: this is the browser's.
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
