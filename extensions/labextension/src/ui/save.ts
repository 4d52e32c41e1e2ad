/** Hand `content` to the browser's downloads. */
export function saveAs(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The browser takes the content at the click; a later turn is soon enough to free it.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
