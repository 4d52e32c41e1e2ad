"""The folders of people, projects and sandboxes below the home, with the owners they need."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from himalia.engine.backends.base import Account, Place


class Folders:
    """Paths below the home. Making a folder that is there already changes nothing but its mode and owner."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.root = os.geteuid() == 0

    def prepare(self) -> None:
        """Make the folders that everything else lies in."""
        self.home.mkdir(parents=True, exist_ok=True)
        if self.home.stat().st_uid == os.geteuid():  # a mounted volume is its provider's
            self.home.chmod(0o711)
        for name, mode in {
            "people": 0o711,
            "projects": 0o711,
            "environments": 0o755,
            "s": 0o711,
            "run": 0o700,
            "logs": 0o700,
            "service": 0o700,
            "objects": 0o700,
            "uploads": 0o700,
            "gateway": 0o700,
            "secrets": 0o700,
        }.items():
            self._folder(self.home / name, mode)
        self._folder(self.home / "s" / "service", 0o711)
        self._folder(self.home / "run" / "runners", 0o700)

    def person(self, account: Account) -> Path:
        """The person's home, 0700 and theirs."""
        self._folder(self.home / "people" / account.id, 0o711)
        return self._own(self.home / "people" / account.id / "home", 0o700, account)

    def work(self, account: Account, project: Place) -> Path:
        """Where the person's jobs of a project work."""
        self.person(account)
        outer = self.home / "people" / account.id / "work"
        self._folder(outer, 0o711)
        return self._own(outer / project.id, 0o700, account)

    def work_alone(self, account: Account, project: Place, name: str) -> Path:
        """Where one attempt works that must not see the folders of others.

        Not below `work`: there, the person's own jobs could put a link in its place before it is made.
        """
        self.person(account)
        outer = self.home / "people" / account.id / "alone"
        self._folder(outer, 0o711)
        self._folder(outer / project.id, 0o711)
        return self._own(outer / project.id / name, 0o700, account)

    def overlays(self, account: Account) -> Path:
        """The person's environments made from a requirements.txt."""
        self.person(account)
        return self._own(self.home / "people" / account.id / "overlays", 0o700, account)

    def shared(self, project: Place) -> Path:
        """The project's folder that members write in: group-owned, so that members can work together."""
        outer = self.home / "projects" / project.id
        self._folder(outer, 0o711)
        path = outer / "shared"
        if not path.is_dir():
            path.mkdir()
            if self.root and project.gid is not None:
                os.chown(path, 0, project.gid)
            path.chmod(0o2770)
        return path

    def checkouts(self, project: Place) -> Path:
        """The project's read-only links into the object store."""
        outer = self.home / "projects" / project.id
        self._folder(outer, 0o711)
        self._folder(outer / "checkouts", 0o755)
        return outer / "checkouts"

    def sockets(self, account: Account) -> Path:
        """A new directory for one sandbox's sockets, with a short name."""
        while True:
            path = self.home / "s" / secrets.token_hex(4)
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return self._own(path, 0o700, account)

    def environment(self, name: str) -> Path:
        """The prefix of an environment."""
        return self.home / "environments" / name

    def overlay(self, account: Account, digest: str) -> Path:
        """The prefix of an overlay."""
        return self.home / "people" / account.id / "overlays" / digest

    @staticmethod
    def remove(path: Path) -> None:
        """Remove a file, or a folder and what is in it; links are removed, not followed. Missing is no error."""
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)

    def _folder(self, path: Path, mode: int) -> Path:
        path.mkdir(exist_ok=True, parents=True)
        found = path.stat()
        # On a shared volume, Kubernetes may have made it first, with an owner of its own.
        if found.st_mode & 0o7777 != mode and (self.root or found.st_uid == os.geteuid()):
            path.chmod(mode)
        return path

    def _own(self, path: Path, mode: int, account: Account) -> Path:
        path.mkdir(exist_ok=True)
        if self.root and account.uid is not None and account.gid is not None:
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
        path.chmod(mode)
        return path
