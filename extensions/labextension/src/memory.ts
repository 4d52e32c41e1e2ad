import { Notification } from '@jupyterlab/apputils';

import type { Himalia } from './context';
import { bytes } from './ui/format';

const SCHEMA = 'urn:himalia:events:memory:v1';

/** Tell why a kernel died when the server's memory was used up, which Lab does not know (events/memory.yaml). */
export function tellMemory({ app, trans }: Himalia): void {
  app.serviceManager.events.stream.connect((_, event) => {
    if (event.schema_id === SCHEMA) {
      // Lab shows 140 letters of a notice.
      const message = trans.__(
        'The memory of this server, %1, was used up. What used most was ended, mostly a kernel. A larger size has more.',
        bytes(Number(event.limit))
      );
      Notification.error(message, { autoClose: false });
    }
  });
}
