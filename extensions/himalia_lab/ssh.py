"""SSH into the notebook server: `<Lab>/himalia/ssh`, a WebSocket that carries what ssh and sshd say to each other.

Nothing listens: each connection gets an sshd (OpenSSH) of its own, on one end of a socket pair, that runs as the
server's owner and can sign in nobody else. Whoever comes needs a token of the owner's before anything starts, and
then a key that stands in the owner's ~/.ssh/authorized_keys. `himalia ssh` is the other end.
"""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated
from tornado.iostream import StreamClosedError
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from himalia_lab import settings
from himalia_lab.errors import LabError

CHUNK = 2**16
_PLACES = "/usr/local/sbin:/usr/sbin:/sbin:/usr/bin"
_OPTIONS = {
    "AuthenticationMethods": "publickey",
    "KbdInteractiveAuthentication": "no",
    "PasswordAuthentication": "no",
    "PrintMotd": "no",
    "PidFile": "none",
    # A volume's files can be the group's, too; in a pod or a sandbox that is nobody else.
    "StrictModes": "no",
    "Subsystem": "sftp internal-sftp",
    "UsePAM": "no",
    "X11Forwarding": "no",
}


class SshHandler(WebSocketHandler):
    """`GET` → `{"user"}`, whom to sign in as; with an upgrade to a WebSocket, the connection."""

    async def prepare(self) -> None:
        """Let nobody but the owner go on."""
        try:
            if not settings.ssh_command():
                raise LabError(404, "not_found", "This notebook server's profile does not offer SSH.")
            await _check_owner(self.request.headers.get("Authorization", ""))
            self._sshd = shutil.which("sshd", path=_PLACES)
            if self._sshd is None:
                raise LabError(503, "unavailable", "OpenSSH's sshd is not installed where this server runs.")
        except LabError as error:
            self.set_status(error.status)
            self.finish(error.body())

    @allow_unauthenticated  # type: ignore[untyped-decorator]
    async def get(self, *arguments: Any, **more: Any) -> None:
        """Take the connection, or say whom to sign in as."""
        if self.request.headers.get("Upgrade", "").lower() == "websocket":
            await super().get(*arguments, **more)
        else:
            self.finish({"user": pwd.getpwuid(os.getuid()).pw_name})

    def check_origin(self, origin: str) -> bool:
        """No page of a browser connects here: it would have no header with a token."""
        return False

    async def open(self, *_arguments: str, **_more: str) -> None:
        """Start an sshd for this connection."""
        assert self._sshd is not None
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                await _serve(self._sshd, theirs)
        except BaseException:
            ours.close()
            raise
        self._reader, self._writer = await asyncio.open_connection(sock=ours)
        self._telling = asyncio.create_task(self._tell())

    async def on_message(self, message: str | bytes) -> None:
        """Carry what ssh says to sshd, no faster than it takes it."""
        if isinstance(message, bytes):
            self._seen()
            self._writer.write(message)
            try:
                await self._writer.drain()
            except OSError:
                self.close()

    async def _tell(self) -> None:
        try:
            while data := await self._reader.read(CHUNK):
                self._seen()
                await self.write_message(data, binary=True)
        except (OSError, StreamClosedError, WebSocketClosedError):
            pass
        finally:
            self.close()

    def _seen(self) -> None:
        """Who works over SSH is not idle."""
        self.settings.setdefault("last_activity_times", {})["himalia_ssh"] = datetime.now(UTC)

    def on_close(self) -> None:
        """The end of the connection is the end of its sshd."""
        if hasattr(self, "_writer"):
            self._telling.cancel()
            self._writer.close()


async def _check_owner(authorization: str) -> None:
    """Raises LabError unless the token is the owner's, for all projects, and may change things."""
    scheme, _, token = authorization.partition(" ")
    service = settings.Service.from_environment()
    if service is None:
        raise LabError(503, "unavailable", "This notebook server does not run on a Himalia platform.")
    if scheme.lower() not in ("token", "bearer") or not token:
        raise LabError(401, "unauthenticated", "A token is needed. Run: himalia login")
    async with service.client(token) as client:
        caller = await settings.call(client, "GET", "/whoami")
    owner = os.environ.get("JUPYTERHUB_USER")
    if not owner or caller["person"]["name"] != owner:
        raise LabError(403, "forbidden", "This notebook server is somebody else's.")
    if caller["project"] or "write" not in caller["scopes"]:
        raise LabError(403, "forbidden", "SSH needs a token that may write in all of your projects.")


async def _serve(sshd: str, connection: socket.socket) -> None:
    """Start sshd on an open connection; it reads its settings and ends by itself."""
    folder = Path(tempfile.mkdtemp(prefix="ssh"))
    try:
        file = await asyncio.to_thread(_prepare, folder)
        process = await asyncio.create_subprocess_exec(
            *(sshd, "-i", "-e", "-f", str(file)), stdin=connection, stdout=connection, start_new_session=True
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _ending.add(task := asyncio.create_task(_end(process, folder)))
    task.add_done_callback(_ending.discard)


_ending: set[asyncio.Task[None]] = set()


async def _end(process: asyncio.subprocess.Process, folder: Path) -> None:
    await process.wait()
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _prepare(folder: Path) -> Path:
    """Write what sshd reads into a folder that is for the owner's eyes alone; its settings' file."""
    keys = Path.home() / ".ssh"
    # sshd refuses a key that others can read, and a volume may have made it so.
    own = folder / "host_key"
    own.touch(mode=0o600)
    own.write_bytes(_host_key(keys).read_bytes())
    options = {**_OPTIONS, "HostKey": own, "AuthorizedKeysFile": _quoted(f"{keys}/authorized_keys")}
    file = folder / "sshd_config"
    file.touch(mode=0o600)
    file.write_text("".join(f"{name} {value}\n" for name, value in options.items()) + _variables())
    return file


def _host_key(folder: Path) -> Path:
    """The key by which ssh knows this home's servers again; made at the first connection."""
    key = folder / "himalia_host_key"
    if not key.exists():
        folder.mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as made:
            new = Path(made) / "key"
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "himalia", "-f", str(new)]
            subprocess.run(words, check=True, stdin=subprocess.DEVNULL)
            with suppress(FileExistsError):  # another connection was first
                key.hardlink_to(new)
    return key


def _variables() -> str:
    """Lab's own variables, as its terminals have them."""
    kept = {name: value for name, value in os.environ.items() if name.isidentifier() and value.isprintable()}
    return "SetEnv " + " ".join(_quoted(f"{name}={value}") for name, value in kept.items()) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
