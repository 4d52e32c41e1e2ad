import { Clipboard } from '@jupyterlab/apputils';
/** Put a text into the clipboard; false where the browser does not let us. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // There is none where the page is neither https nor of this machine; an older way is left.
    return copiedByEvent(text);
  }
}

function copiedByEvent(text: string): boolean {
  let done = false;
  const seen = () => (done = true);
  document.addEventListener('copy', seen, true);
  Clipboard.copyToSystem(text);
  document.removeEventListener('copy', seen, true);
  return done;
}
