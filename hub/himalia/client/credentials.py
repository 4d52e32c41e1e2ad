"""Stored logins: `himalia/credentials.json` in the person's configuration folder, for its owner's eyes only.

{"version": 1, "current": "<address>", "platforms": {"<address>": {"token", "person", "scopes", "expires_at"}}}
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from himalia.client.errors import NotConfigured


class Credentials:
    """The stored logins of one person on this machine."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or _default_path()

    @property
    def current(self) -> str | None:
        """The address of the login made last."""
        current = self._read().get("current")
        return str(current) if current else None

    def get(self, address: str) -> dict[str, Any] | None:
        """What is stored for an address: `token`, `person`, `scopes`, `expires_at`."""
        found = self._read()["platforms"].get(address)
        return dict(found) if found else None

    def store(self, address: str, login: dict[str, Any]) -> None:
        """Remember a login, and use its address from now on where none is named."""
        with self._changing() as content:
            content["platforms"][address] = login
            content["current"] = address

    def forget(self, address: str) -> dict[str, Any] | None:
        """Drop the login of an address; what was stored, or None."""
        with self._changing() as content:
            dropped: dict[str, Any] | None = content["platforms"].pop(address, None)
            if content.get("current") == address:
                content["current"] = next(iter(content["platforms"]), None)
        return dropped

    def _read(self) -> dict[str, Any]:
        try:
            with self.path.open(encoding="utf-8") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read()
        except FileNotFoundError:
            return {"version": 1, "current": None, "platforms": {}}
        if stat.S_IMODE(mode) & 0o077:
            raise NotConfigured(f"Others can read your logins. Run: chmod 600 {self.path}")
        try:
            content = json.loads(text)
        except ValueError:
            content = None
        if not isinstance(content, dict) or not isinstance(content.get("platforms"), dict):
            raise NotConfigured(f"{self.path} is damaged. Delete it and log in again.")
        return content

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """The content, written back at the end; two processes that change it do so one after the other."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.path.with_name(".credentials.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            content = self._read()
            yield content
            self._write(content)

    def _write(self, content: dict[str, Any]) -> None:
        descriptor, name = tempfile.mkstemp(dir=str(self.path.parent), prefix=".credentials.")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:  # mkstemp made it 0600
                json.dump(content, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except BaseException:
            Path(name).unlink()
            raise


def _default_path() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME")
    return (Path(folder) if folder else Path.home() / ".config") / "himalia" / "credentials.json"
