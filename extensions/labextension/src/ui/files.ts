/** Files that a person chose or dropped, with their paths. */

export interface ChosenFile {
  /** Below the folder that was chosen, with slashes. */
  path: string;
  file: File;
}

export interface Chosen {
  /** What the person would call it: the folder, or the file without its ending. */
  name: string;
  files: ChosenFile[];
  /** A folder or file of the platform's machine, in place of files. */
  serverPath?: string;
  /** Files and folders of the notebook server, as Lab names them, in place of files. */
  labPaths?: readonly string[];
  /** An archive that is to stay one. */
  asItIs?: boolean;
}

/** What systems put into folders by themselves. */
const CLUTTER = /(^|\/)(\.DS_Store|Thumbs\.db|desktop\.ini|\.ipynb_checkpoints\/.*|__MACOSX\/.*)$/;

/** What was dropped: files, and folders with all that is in them. */
export async function dropped(transfer: DataTransfer): Promise<Chosen> {
  // The list is empty once the event is over: entries are taken before anything is waited for. What comes from
  // another page is a file without one.
  const items = Array.from(transfer.items).filter(({ kind }) => kind === 'file');
  const found = items.map(item => item.webkitGetAsEntry() ?? item.getAsFile());
  const files: ChosenFile[] = [];
  for (const each of found) {
    if (each instanceof File) {
      files.push({ path: each.name, file: each });
    } else if (each) {
      await walk(each, '', files);
    }
  }
  return chosen(files);
}

/** What an `<input type="file">` holds, with or without `webkitdirectory`. */
export function picked(list: ArrayLike<File>): Chosen {
  return chosen(Array.from(list, file => ({ path: file.webkitRelativePath || file.name, file })));
}

/** Files and folders of the notebook server, by their paths in Lab. */
export function inLab(paths: readonly string[]): Chosen {
  const [last, above] = (paths[0] ?? '').split('/').reverse();
  return { name: (paths.length === 1 ? stem(last) : above) ?? '', files: [], labPaths: paths };
}

async function walk(entry: FileSystemEntry, above: string, files: ChosenFile[]): Promise<void> {
  const path = above + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((done, failed) => (entry as FileSystemFileEntry).file(done, failed));
    files.push({ path, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (some.length === 0) {
      return;
    }
    for (const child of some) {
      await walk(child, `${path}/`, files);
    }
  }
}

/** The one folder that holds everything names what was chosen, and is no part of the paths. */
function chosen(all: ChosenFile[]): Chosen {
  const files = all.filter(({ path }) => !CLUTTER.test(path));
  const tops = new Set(files.map(({ path }) => path.split('/')[0]));
  const top = tops.size === 1 ? [...tops][0] : '';
  if (top && files.every(({ path }) => path.includes('/'))) {
    return { name: top, files: files.map(each => ({ ...each, path: each.path.slice(top.length + 1) })) };
  }
  return { name: files.length === 1 ? stem(files[0].path) : '', files };
}

function stem(path: string): string {
  return path.replace(/(\.tar)?\.[^.]+$/, '');
}

/** A name as the platform's things have them, made from any text. */
export function nameFrom(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^[^a-z]+|-+$/g, '');
}

export function sizeOf(files: readonly ChosenFile[]): number {
  return files.reduce((sum, { file }) => sum + file.size, 0);
}

export function isArchive(path: string): boolean {
  return /\.(zip|tar|tgz|tar\.(gz|bz2|xz))$/i.test(path);
}

/** Where what was chosen is one archive, which may be unpacked: its path. */
export function oneArchive({ files, labPaths }: Pick<Chosen, 'files' | 'labPaths'>): string | undefined {
  const paths = labPaths?.map(path => path.split('/').pop() ?? '') ?? files.map(({ path }) => path);
  return paths.length === 1 && isArchive(paths[0]) ? paths[0] : undefined;
}
