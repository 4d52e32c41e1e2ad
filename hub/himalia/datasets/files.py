"""Looking into trees: their files by folder and page, and how two of them differ."""

from __future__ import annotations

import base64
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from himalia.core.errors import Invalid, NotFound
from himalia.datasets.schema import ChangedFile, Changes, DatasetFile, Diff, FileList, Folder
from himalia.snapshots.serve import media_type
from himalia.storage.trees import Tree, TreeFile

LARGEST_PAGE = 1000


def file_of(tree: Tree, path: str) -> TreeFile:
    """The file at `path`. Raises NotFound."""
    at = bisect_left(tree.files, path, key=lambda file: file.path)
    if at < len(tree.files) and tree.files[at].path == path:
        return tree.files[at]
    raise NotFound(f"There is no file {path} in this version.")


def listed(tree: Tree, prefix: str, by_folder: bool, limit: int, page_token: str | None) -> FileList:
    """One page of the files whose paths begin with `prefix`.

    `by_folder`: only those that lie there directly, and the folders beside them, all on the first page.
    """
    begin = bisect_left(tree.files, prefix, key=lambda file: file.path)
    below = list(_from(tree.files, begin, prefix))
    folders: list[Folder] = []
    if by_folder:
        folders = _folders(below, prefix)
        below = [file for file in below if "/" not in file.path[len(prefix) :]]
    after = _after(page_token)
    at = bisect_right(below, after, key=lambda file: file.path) if after is not None else 0
    shown = below[at : at + limit]
    more = at + limit < len(below)
    return FileList(
        items=[as_shown(file) for file in shown],
        folders=folders if after is None else [],
        next_page_token=_token(shown[-1].path) if more else None,
    )


def as_shown(file: TreeFile) -> DatasetFile:
    """A file as the API shows it."""
    return DatasetFile.model_construct(
        path=file.path,
        size=file.size,
        digest=file.digest,
        executable=file.executable,
        media_type=media_type(file.path),
    )


def _from(files: Sequence[TreeFile], begin: int, prefix: str) -> Iterator[TreeFile]:
    for index in range(begin, len(files)):
        if not files[index].path.startswith(prefix):
            return
        yield files[index]


def _folders(files: Sequence[TreeFile], prefix: str) -> list[Folder]:
    sums: dict[str, tuple[int, int]] = {}
    for file in files:
        head, slash, _ = file.path[len(prefix) :].partition("/")
        if slash:
            count, size = sums.get(head, (0, 0))
            sums[head] = count + 1, size + file.size
    return [Folder(path=f"{prefix}{head}", files=n, size=size) for head, (n, size) in sorted(sums.items())]


def compared(old: Tree, new: Tree, numbers: tuple[int, int], limit: int, page_token: str | None) -> Diff:
    """What became of the files of `old` in `new`; `numbers` are their versions'."""
    before = {file.path: file for file in old.files}
    after = {file.path: file for file in new.files}
    added = [file for file in new.files if file.path not in before]
    removed = [file for file in old.files if file.path not in after]
    both = [(before[file.path], file) for file in new.files if file.path in before]
    changed = [(a, b) for a, b in both if (a.digest, a.executable) != (b.digest, b.executable)]
    items = [_changed(None, file) for file in added] + [_changed(file, None) for file in removed]
    items = sorted(items + [_changed(a, b) for a, b in changed], key=lambda one: one.path)
    last = _after(page_token)
    at = bisect_right(items, last, key=lambda one: one.path) if last is not None else 0
    shown = items[at : at + limit]
    differ = {b.path for _, b in changed}
    return Diff(
        from_number=numbers[0],
        to_number=numbers[1],
        added=_sum(added),
        removed=_sum(removed),
        changed=_sum([b for _, b in changed]),
        unchanged=_sum([b for _, b in both if b.path not in differ]),
        items=shown,
        next_page_token=_token(shown[-1].path) if at + limit < len(items) else None,
    )


def _changed(old: TreeFile | None, new: TreeFile | None) -> ChangedFile:
    there = new or old
    assert there is not None
    return ChangedFile.model_construct(
        path=there.path,
        change="added" if old is None else "removed" if new is None else "changed",
        old_size=old.size if old else None,
        new_size=new.size if new else None,
    )


def _sum(files: Sequence[TreeFile]) -> Changes:
    return Changes(files=len(files), size=sum(file.size for file in files))


def _token(path: str) -> str:
    return base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")


def _after(token: str | None) -> str | None:
    if token is None:
        return None
    try:
        return base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True).decode()
    except (ValueError, UnicodeDecodeError) as error:
        raise Invalid.field("page_token", "This page token is not one of ours. Leave it out.") from error
