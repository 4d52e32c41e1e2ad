# mypy: disable-error-code="no-untyped-call"
"""JupyterLab in its owner's sandbox, on a Unix socket, with its resources reserved at the service."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import stat
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jupyterhub.spawner import Spawner
from traitlets import Integer, Unicode, default

from himalia.engine.backends.local.process import SandboxError, SandboxProcess
from himalia.engine.backends.local.sandbox import API_INSIDE, Sandbox, start
from himalia.environments.interpreter import base_prefixes
from himalia.hub import lab
from himalia.hub.memory import PERIOD_S, end_largest
from himalia.hub.reserving import Reserving, StartFailed

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")
_SERVER: Any = Spawner.server
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class LocalSpawner(Reserving, Spawner):
    """One person's notebook server on this machine.

    It is not the hub's child in any sense that matters: it lives on when the hub ends, and the next
    hub finds it again by its state.
    """

    home = Unicode(os.environ.get("HIMALIA_HOME", ""), help="The platform's home folder.", config=True)
    stop_grace_s = Integer(10, help="Seconds a server gets to end by itself.", config=True)

    def __init__(self, **kwargs: Any) -> None:
        self.process: SandboxProcess | None = None
        self.sockets = ""
        self.memory_bytes = 0
        self._guard: asyncio.Task[None] | None = None
        super().__init__(**kwargs)

    @default("env_keep")
    def _env_keep(self) -> list[str]:
        return ["LANG", "LC_ALL", "TZ"]

    @default("ip")
    def _ip(self) -> str:
        return "127.0.0.1"

    @default("port")
    def _port(self) -> int:
        return 8888  # jupyter_server refuses any other one beside a socket, and uses none

    @default("poll_interval")
    def _poll_interval(self) -> int:
        return 5

    @property
    def socket(self) -> str:
        """The hub's own name for Lab's socket: a link that the server's owner cannot bend elsewhere."""
        return f"{self.sockets}.sock" if self.sockets else ""

    @property
    def server(self) -> Any:
        """The hub's record of the server. It can hold a host, but no path: that is put right here."""
        server = _SERVER.fget(self)
        if server is not None and self.socket and quote(self.socket, safe="") not in server.connect_url:
            server.proto = "http+unix"
            server.connect_url = f"http+unix://{quote(self.socket, safe='')}{server.base_url}"
        return server

    @server.setter
    def server(self, server: Any) -> None:
        _SERVER.fset(self, server)

    async def get_url(self) -> str:
        """The server's address, also after the hub was started again."""
        url: str = self.server.url
        return url

    def get_state(self) -> dict[str, Any]:
        """What the next hub needs to find the server again."""
        state: dict[str, Any] = super().get_state()
        if self.process is not None:
            state["process"] = self.process.to_state()
        return {**state, "sockets": self.sockets, "memory_bytes": self.memory_bytes}

    def load_state(self, state: dict[str, Any]) -> None:
        """Undo `get_state`."""
        super().load_state(state)
        if "process" in state:
            self.process = SandboxProcess.from_state(state["process"])
        self.sockets = state.get("sockets", "")
        self.memory_bytes = int(state.get("memory_bytes", 0))

    def clear_state(self) -> None:
        """Forget the server."""
        super().clear_state()
        self.process, self.sockets = None, ""

    async def start(self) -> str:
        """Reserve, make the sandbox, wait until Lab listens. `StartFailed` if not."""
        granted = await self.reserve()
        self.memory_bytes = int(granted["limit"].get("memory_bytes") or 0)
        try:
            await self._launch(granted)
            self.keep_state()
            await self._listening()
        except SandboxError as error:
            await self._end()
            raise StartFailed(f"The notebook server could not start: {error}", reason="sandbox") from error
        except BaseException:
            await self._end()
            raise
        if self.process is not None:
            self._guard_memory(self.process)
        return f"http+unix://{quote(self.socket, safe='')}"

    async def poll(self) -> int | None:
        """None while the server runs. What a dead one leaves is cleared away here."""
        if self.process is not None and self.process.alive():
            self._guard_memory(self.process)
            return None
        status = self.process.returncode if self.process is not None else None
        await self._end()
        return status or 0

    def _guard_memory(self, process: SandboxProcess) -> None:
        """Watch the server's memory while it runs; the hub asks so often that a new hub does so too."""
        if self.memory_bytes and (self._guard is None or self._guard.done()):
            self._guard = asyncio.create_task(self._watch_memory(process))

    async def _watch_memory(self, process: SandboxProcess) -> None:
        while process.alive():
            ended = await asyncio.to_thread(end_largest, process.child, self.memory_bytes)
            if ended is not None:
                used, largest = (f"{size / 2**20:.0f} MiB" for size in ended)
                self.log.warning(
                    "%s's server used %s; a process with %s was ended.", self.user.name, used, largest
                )
            await asyncio.sleep(PERIOD_S)

    async def stop(self, now: bool = False) -> None:
        """End the server and everything in its sandbox."""
        await self._end(0 if now else self.stop_grace_s)

    async def _launch(self, granted: dict[str, Any]) -> None:
        home = Path(granted["home"])
        first = await asyncio.to_thread(_is_empty, home)
        examples = lab.examples_folder() if first else None
        self.default_url = f"/lab/tree/examples/{lab.FIRST_NOTEBOOK}" if examples else "/lab"
        name = self.user.name if _PLAIN_NAME.fullmatch(self.user.name) else granted["person"]["id"]
        self.sockets = str(Path(self.home, "s", secrets.token_hex(4)))
        inside = f"/home/{name}"
        sandbox = Sandbox(
            user=name,
            **_identity(granted["person"]),
            home=inside,
            directory=inside,
            writable={inside: home, **_folders(granted, "shared", "/shared")},
            readable={
                **_folders(granted, "checkouts", "/checkouts"),
                API_INSIDE: Path(self.home, "s", "service"),
                # Under its own path, since an environment knows where it is; what is built later is seen too.
                granted["overlays"]: Path(granted["overlays"]),
                **({lab.EXAMPLES: examples} if examples else {}),
            },
            prefixes=_prefixes(granted["environments"]),
            hidden=lab.hidden_folders(),
            files=lab.files(
                granted["environment"]["name"],
                granted["environments"],
                granted["overlays"],
                # A profile may say how long its servers may be idle.
                granted.get("idle_timeout_s", self.idle_timeout_s),
            ),
            devices=tuple(granted["devices"]),
            sockets=Path(self.sockets),
            environment=self._environment(granted),
        )
        argv = [*lab.command(inside, first=examples is not None), *self.get_args()]
        self.process = await asyncio.to_thread(self._run, sandbox, argv)
        self.log.info("Started the server of %s as process %i", self.user.name, self.process.pid)

    def _run(self, sandbox: Sandbox, argv: list[str]) -> SandboxProcess:
        folder = Path(self.sockets)
        folder.parent.mkdir(mode=0o711, exist_ok=True)
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(folder, sandbox.uid, sandbox.gid)
        self._log_file.parent.mkdir(mode=0o700, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        log = os.open(self._log_file, flags, 0o600)
        try:
            return start(sandbox, argv, log)
        finally:
            os.close(log)

    @property
    def _log_file(self) -> Path:
        return Path(self.home, "logs", f"server-{self.orm_spawner.id}.log")

    def _environment(self, granted: dict[str, Any]) -> dict[str, str]:
        more = {"HIMALIA_FILES_SOCKET": f"{API_INSIDE}/files.sock"}
        if granted["projects"]:
            more["HIMALIA_PROJECT"] = granted["projects"][0]["name"]
        more |= lab.memory_and_cores(granted["limit"])
        hub = {name: str(value) for name, value in self.get_env().items() if value is not None}
        return lab.environment(granted["environment"], self.user.name, hub, {**more, **granted["env"]})

    async def _listening(self) -> None:
        """Wait for Lab's socket, then give it the name the hub uses."""
        assert self.process is not None
        made = Path(self.sockets, Path(lab.SOCKET).name)
        while not await asyncio.to_thread(os.path.lexists, made):
            if not self.process.alive():
                last = await asyncio.to_thread(_last_line, self._log_file)
                raise StartFailed(f"The notebook server ended while starting: {last}", reason="died")
            await asyncio.sleep(0.05)
        # link(2) does not follow a symbolic link, and nobody else can reach the new name: what is a
        # socket there is one that this sandbox made, whatever is put at the old name later.
        os.link(made, self.socket, follow_symlinks=False)
        if not stat.S_ISSOCK(os.lstat(self.socket).st_mode):
            raise StartFailed("The notebook server's socket is not a socket.", reason="socket")

    async def _end(self, grace_s: float = 0) -> None:
        """Stop what runs, remove its socket, give back the reservation. Safe to do twice."""
        if self.process is not None:
            await asyncio.to_thread(self.process.stop, grace_s)
        if self.sockets:
            await asyncio.to_thread(_remove_sockets, self.sockets, self.socket)
        await self.release()
        self.clear_state()


def _remove_sockets(folder: str, link: str) -> None:
    Path(link).unlink(missing_ok=True)
    if Path(folder).exists():
        shutil.rmtree(folder)


def _is_empty(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return next(entries, None) is None


def _identity(person: dict[str, Any]) -> dict[str, Any]:
    """Numeric ids; without root there are none, and files belong to the hub's own user."""
    uid, gid = person["uid"] or os.geteuid(), person["gid"] or os.getegid()
    return {"uid": uid, "gid": gid, "groups": tuple(person["groups"])}


def _folders(granted: dict[str, Any], kind: str, inside: str) -> dict[str, Path]:
    """The projects' folders of one kind, each by its project's name."""
    return {
        f"{inside}/{project['name']}": Path(project[kind])
        for project in granted["projects"]
        if project.get(kind)
    }


def _prefixes(environments: list[dict[str, Any]]) -> tuple[Path, ...]:
    prefixes: list[Path] = []
    for item in environments:
        prefix = Path(item["prefix"])
        prefixes += [prefix, *base_prefixes(prefix), *map(Path, item.get("binds", []))]
    return tuple(dict.fromkeys(prefixes))


def _last_line(log: Path) -> str:
    """The last thing the server said, without colours."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = [line.strip() for line in file.read().decode(errors="replace").splitlines() if line.strip()]
    return _ANSI.sub("", lines[-1])[:300] if lines else "it said nothing."
