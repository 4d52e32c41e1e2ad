"""The home folder: where it is, how its folders are made, its secrets, and who holds it."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from himalia.core.home import HOME_LENGTH, default_home
from himalia.supervisor.errors import AlreadyRunning, SupervisorError

FOLDERS = {
    ".": 0o711,
    "secrets": 0o700,
    "hub": 0o700,
    "service": 0o700,
    "gateway": 0o700,
    "objects": 0o700,
    "environments": 0o755,
    "people": 0o711,
    "projects": 0o711,
    "s": 0o711,
    "run": 0o700,
    "logs": 0o700,
}
"""Folders of a home and their modes."""

OWN_FILES = {"himalia.toml", "jupyterhub_config.py"}
"""What an administrator may put into a home before its first start."""

SECRETS = ("service-token", "proxy-token", "cookie-secret", "service-key")


@dataclass(frozen=True)
class Home:
    """A home folder by its absolute path; nothing is made before `prepare`."""

    path: Path

    @classmethod
    def at(cls, path: Path | None) -> Home:
        """The home at `path`, or the default one; `SupervisorError` if its path is too long."""
        # Normalised but not resolved: the path that was given is the one that people see.
        absolute = Path(os.path.abspath(path or default_home()))  # noqa: PTH100
        length = len(os.fsencode(absolute))
        if length > HOME_LENGTH:
            raise SupervisorError(
                f"The home folder's path may have {HOME_LENGTH} bytes, and {absolute} has {length}. "
                "Choose a shorter one with --home."
            )
        return cls(absolute)

    @property
    def run(self) -> Path:
        """Sockets, PID files and locks."""
        return self.path / "run"

    @property
    def socket(self) -> Path:
        """Where the supervisor listens."""
        return self.run / "up.sock"

    @property
    def exists(self) -> bool:
        """Whether a platform was ever started here."""
        return self.run.is_dir()

    def log(self, name: str) -> Path:
        """The log file of one process."""
        return self.path / "logs" / f"{name}.log"

    def secret(self, name: str) -> str:
        """The content of a file under `secrets`."""
        return (Path(self.setting("secrets_dir") or self.path / "secrets") / name).read_text().strip()

    def public_url(self) -> str | None:
        """The setting `address`: given where users come through another server's address."""
        value = self.setting("address")
        return value.rstrip("/") if value else None

    @property
    def images(self) -> Path | None:
        """The setting `images_dir`: where environments' definitions are, if not with Himalia."""
        value = self.setting("images_dir")
        return Path(value) if value else None

    def setting(self, name: str) -> str | None:
        """What the environment or else `himalia.toml` sets; `SupervisorError` when that cannot be read."""
        if given := os.environ.get(f"HIMALIA_{name.upper()}"):
            return given
        file = self.path / "himalia.toml"
        try:
            value = tomllib.loads(file.read_text()).get(name)
        except FileNotFoundError:
            return None
        except tomllib.TOMLDecodeError as error:
            raise SupervisorError(f"{file} cannot be read: {error}. Correct it, then start again.") from error
        return str(value) if value else None

    def prepare(self) -> None:
        """Make the folders that are missing, and mend modes. Safe to repeat.

        Raises `SupervisorError` for a folder that is something else, or somebody else's.
        """
        self._check()
        try:
            for name, mode in FOLDERS.items():
                folder = self.path / name
                folder.mkdir(parents=True, exist_ok=True)
                if folder.stat().st_mode & 0o7777 != mode:
                    folder.chmod(mode)
        except OSError as error:
            raise SupervisorError(
                f"The home folder {self.path} cannot be made: {error.strerror}. "
                "Choose another one with --home."
            ) from error

    def make_secrets(self) -> None:
        """Make the secrets that are missing; the caller holds the lock."""
        for name in SECRETS:
            if not (self.path / "secrets" / name).exists():
                write_private(self.path / "secrets" / name, secrets.token_hex(32))

    def _check(self) -> None:
        try:
            owner = self.path.stat().st_uid
            found = {entry.name for entry in self.path.iterdir()}
        except FileNotFoundError:
            return
        except OSError as error:
            raise SupervisorError(
                f"The home folder {self.path} cannot be used: {error.strerror}. Choose another one with --home."
            ) from error
        if owner != os.geteuid():
            raise SupervisorError(
                f"The home folder {self.path} belongs to another user (UID {owner}). "
                "Run this as that user, or choose another folder with --home."
            )
        # Its modes would be changed, so a folder with other things in it is not taken for a home.
        if foreign := found - set(FOLDERS) - OWN_FILES if not self.exists else set():
            raise SupervisorError(
                f"{self.path} holds other things ({sorted(foreign)[0]}). Choose an empty folder with --home."
            )

    def lock(self) -> int:
        """Hold this home until the returned descriptor is closed; `AlreadyRunning` if another does."""
        descriptor = os.open(self.run / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunning(f"Himalia runs already in {self.path}.") from None
        return descriptor


def write_private(path: Path, text: str) -> None:
    """Write a 0600 file atomically: it is there whole, durable, or not at all."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except BaseException:
            Path(file.name).unlink()
            raise


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a small state file; None when it is missing or not whole."""
    try:
        value = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) else None
