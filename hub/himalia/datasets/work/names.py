"""Which paths an import may bring: safe below any folder, and told apart on every machine they may go to."""

from __future__ import annotations

import unicodedata

from himalia.datasets.work.say import CannotGoOn
from himalia.storage.trees import BadPathError, validate_path

_LEFT_OUT_FOLDERS = {"__MACOSX"}
_LEFT_OUT_FILES = {".DS_Store", "Thumbs.db", "desktop.ini"}


def left_out(path: str) -> bool:
    """Whether an operating system left this beside the data, for itself."""
    first, *_ = parts = path.split("/")
    return first in _LEFT_OUT_FOLDERS or parts[-1] in _LEFT_OUT_FILES


class Names:
    """The paths so far. Two that a file system may take for one are refused; with `cased`, those that differ in
    upper and lower case are two, as they were on this machine."""

    def __init__(self, *, cased: bool = False) -> None:
        self._key = str if cased else _folded
        self._known: dict[str, tuple[str, bool]] = {}

    def file(self, name: str) -> str:
        """The plain path of a file called `name`. Raises CannotGoOn."""
        path = self._plain(name)
        self._folders(path.rpartition("/")[0])
        known = self._known.get(self._key(path))
        if known is not None:
            self._refuse(path, *known)
        self._known[self._key(path)] = path, False
        return path

    def folder(self, name: str) -> None:
        """Know a folder called `name`. Raises CannotGoOn."""
        self._folders(self._plain(name, empty=True))

    def _folders(self, path: str) -> None:
        while path:
            known = self._known.setdefault(self._key(path), (path, True))
            if known != (path, True):
                self._refuse(path, *known)
            path = path.rpartition("/")[0]

    @staticmethod
    def _plain(name: str, empty: bool = False) -> str:
        if name.startswith("/"):
            raise CannotGoOn(
                f"The path {name[:200]!r} begins with “/”. Only paths below the archive can be taken."
            )
        path = "/".join(
            part for part in unicodedata.normalize("NFC", name).split("/") if part not in ("", ".")
        )
        if path or not empty:
            try:
                validate_path(path)
            except BadPathError as error:
                raise CannotGoOn(str(error)) from error
        return path

    @staticmethod
    def _refuse(path: str, known: str, is_folder: bool) -> None:
        if path == known:
            what = "as a file and as a folder" if is_folder else "twice"
            raise CannotGoOn(f"{path!r} is there {what}. Mend the archive, or unpack it and add the folder.")
        raise CannotGoOn(
            f"{path!r} and {known!r} differ only in upper and lower case, which some machines take for one name. "
            "Rename one of them."
        )


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path.casefold())
