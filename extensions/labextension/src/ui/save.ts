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

/** Rows as comma-separated values, with a line of names that holds every field of theirs. */
export function csv(
  rows: readonly { [field: string]: string | number | boolean | null | undefined }[]
): string {
  const fields = [...new Set(rows.flatMap(row => Object.keys(row)))];
  const cell = (value: string | number | boolean | null | undefined) => {
    const text = value === null || value === undefined ? '' : String(value);
    return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  return [fields, ...rows.map(row => fields.map(field => row[field]))]
    .map(row => row.map(cell).join(',') + '\n')
    .join('');
}
