"""The one place that builds bubblewrap command lines: user code never runs outside of one.

A root hub starts bubblewrap without a user namespace and drops to the person's numeric UID with
setpriv; an ordinary hub uses a user namespace. bubblewrap and setpriv get an environment of their
own: what the user asked for is exported by a small script that already runs as the user, so that
no `LD_PRELOAD` is ever seen by a process with more rights, and no value shows in a command line.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import IO

from himalia.engine.backends.local.process import SandboxError, SandboxProcess, read_child
from himalia.environments.interpreter import base_prefixes

__all__ = [
    "PACKAGE",
    "SOCKETS",
    "Sandbox",
    "SandboxError",
    "SandboxProcess",
    "command",
    "platform_folders",
    "start",
]

ENTRY = "/run/entry"
SOCKETS = "/run/himalia"
API_INSIDE = "/run/himalia-api"
"""Where sandboxes see the service's sockets."""
PACKAGE = "/opt/himalia/himalia"
_FEWEST_PROCESSES = 4096
_PROCESSES_PER_CORE = 512

_ETC = (
    "alternatives",
    "ca-certificates",
    "fonts",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "nsswitch.conf",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
)


@dataclass(frozen=True)
class Sandbox:
    """What one sandbox holds and who runs in it.

    `uid`, `gid` and `groups` are numeric; without root they are only shown, and files belong to the
    hub's own user. Binds map a path inside to the path outside. `prefixes` are interpreter prefixes
    and other read-only folders that keep their path; `hidden` folders in them are seen empty. `files`
    are made inside, readable by all.
    `sockets` is the folder that is seen at /run/himalia.
    """

    user: str
    uid: int
    gid: int
    groups: tuple[int, ...] = ()
    home: str = "/tmp"  # noqa: S108  (the sandbox's own)
    directory: str = "/tmp"  # noqa: S108
    writable: Mapping[str, Path] = field(default_factory=dict)
    readable: Mapping[str, Path] = field(default_factory=dict)
    prefixes: tuple[Path, ...] = ()
    hidden: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    sockets: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    umask: int = 0o007
    share_net: bool = True
    die_with_parent: bool = False

    def made_files(self) -> dict[str, bytes]:
        """Every file that is made inside: path to content."""
        user = self.user
        groups = "".join(f"group{gid}:x:{gid}:{user}\n" for gid in self.groups)
        made = {
            "/etc/passwd": f"root:x:0:0::/nonexistent:/usr/sbin/nologin\n"
            f"{user}:x:{self.uid}:{self.gid}::{self.home}:/bin/bash\n",
            "/etc/group": f"root:x:0:\n{user}:x:{self.gid}:\n{groups}",
            ENTRY: self._entry(),
        }
        return {path: os.fsencode(text) for path, text in {**self.files, **made}.items()}

    def _entry(self) -> str:
        """A shell script that sets the environment and becomes the command it is given."""
        environment = {"HOME": self.home, "USER": self.user, "LOGNAME": self.user, **self.environment}
        for name, value in environment.items():
            if not (name.isascii() and name.isidentifier()) or "\0" in value:
                raise SandboxError(f"{name!r} cannot be an environment variable.")
        exports = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
        enter = f"cd -- {shlex.quote(self.directory)} || exit 126"
        return "\n".join([f"umask {self.umask:04o}", *exports, enter, 'exec "$@"', ""])


def command(
    sandbox: Sandbox,
    argv: Sequence[str],
    *,
    root: bool,
    descriptors: Mapping[str, int],
    info_fd: int | None = None,
) -> list[str]:
    """The command line that runs `argv` inside `sandbox`.

    `descriptors` gives, for each path of `Sandbox.made_files`, an open file descriptor with its
    content; `root` is whether the caller is the machine's root.
    """
    line = [_tool("bwrap"), "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--cap-drop", "ALL"]
    if root:
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            line += ["--cap-add", capability]
    else:
        line += ["--unshare-user", "--uid", str(sandbox.uid), "--gid", str(sandbox.gid)]
    if not sandbox.share_net:
        line.append("--unshare-net")
    if sandbox.die_with_parent:
        line.append("--die-with-parent")
    if info_fd is not None:
        line += ["--info-fd", str(info_fd)]
    line += _system(sandbox) + _mounts(sandbox, descriptors)
    line += ["--chdir", "/", "--"]
    if root:
        line += _identity(sandbox)
    return [*line, "/bin/sh", ENTRY, *argv]


def start(
    sandbox: Sandbox,
    argv: Sequence[str],
    log: IO[bytes] | int,
    *,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
) -> SandboxProcess:
    """Run `argv` inside `sandbox`, in a session of its own, with its output going to `log`.

    Blocks for some ten milliseconds. `SandboxError` when bubblewrap could not make the sandbox; why
    stands in the log.
    """
    root = os.geteuid() == 0
    made = sandbox.made_files()
    opened: list[int] = []
    try:
        descriptors = {}
        for path, content in made.items():
            descriptors[path] = _memory_file(content)
            opened.append(descriptors[path])
        reading, writing = os.pipe()
        opened.append(reading)
        try:
            line = command(sandbox, argv, root=root, descriptors=descriptors, info_fd=writing)
            outer = subprocess.Popen(
                line,
                stdin=stdin,
                stdout=log,
                stderr=log,
                env={"PATH": "/usr/bin:/bin"},
                cwd="/",
                pass_fds=(*descriptors.values(), writing),
                start_new_session=True,
                umask=0o022,
            )
        finally:
            os.close(writing)
        return SandboxProcess.of(outer, read_child(reading, outer))
    finally:
        for descriptor in opened:
            os.close(descriptor)


@lru_cache
def platform_folders() -> tuple[Path, ...]:
    """What the platform's own interpreter needs to be seen inside: its prefixes and its packages."""
    folders = [Path(sys.prefix), Path(sys.base_prefix)]
    if sys.prefix != sys.base_prefix:  # the interpreter's own prefix need not hold a bin/python
        folders += base_prefixes(Path(sys.prefix))
    for package in ("himalia", "himalia_lab"):
        spec = find_spec(package)
        # A checkout's package lies outside of the prefix.
        folders += [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
    return _outermost(folders)


def _outermost(folders: Sequence[Path]) -> tuple[Path, ...]:
    """`folders` without those that lie within another one, or within /usr, which is always bound."""
    chosen: list[Path] = []
    for folder in sorted(set(folders)):
        if not any(folder.is_relative_to(outer) for outer in (Path("/usr"), *chosen)):
            chosen.append(folder)
    return tuple(chosen)


def _tool(name: str) -> str:
    path = shutil.which(name, path="/usr/bin:/bin:/usr/local/bin")
    if path is None:
        package = {"bwrap": "bubblewrap", "setpriv": "util-linux", "prlimit": "util-linux"}[name]
        raise SandboxError(f"{name} is missing. Install the Debian package {package}.")
    return path


def _system(sandbox: Sandbox) -> list[str]:
    """The part that is alike in every sandbox: /usr, /dev, /proc and private temporary folders."""
    line = ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "sbin", "lib", "lib32", "lib64"):
        top = Path("/", name)
        if top.is_symlink():
            line += ["--symlink", str(top.readlink()), str(top)]
        elif top.is_dir():
            line += ["--ro-bind", str(top), str(top)]
    line += ["--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm"]  # noqa: S108
    line += ["--proc", "/proc", "--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108
    line += ["--perms", "0755", "--dir", "/etc"]
    for name in _ETC:
        line += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    sys_folder = "/sys" if sandbox.devices else "/sys/devices/system/cpu"
    line += [*_parents(sys_folder), "--ro-bind-try", sys_folder, sys_folder]
    for device in sandbox.devices:
        line += [*_parents(device), "--dev-bind", _inside(device), device]
    return line


def _mounts(sandbox: Sandbox, descriptors: Mapping[str, int]) -> list[str]:
    """What is particular to this sandbox, outer folders before what lies in them."""
    mounts: dict[str, list[str]] = {}
    for folder in (*platform_folders(), *sandbox.prefixes):
        mounts[str(folder)] = ["--ro-bind", str(folder), str(folder)]
    for inside in sandbox.hidden:
        mounts[_inside(inside)] = ["--perms", "0755", "--tmpfs", inside]
    mounts[PACKAGE] = ["--ro-bind", str(Path(__file__).parents[3]), PACKAGE]
    for inside, outside in sandbox.readable.items():
        mounts[_inside(inside)] = ["--ro-bind", str(outside), inside]
    for inside, outside in sandbox.writable.items():
        mounts[_inside(inside)] = ["--bind", str(outside), inside]
    if sandbox.sockets is not None:
        mounts[SOCKETS] = ["--bind", str(sandbox.sockets), SOCKETS]
    for path, descriptor in descriptors.items():
        mounts[_inside(path)] = ["--perms", "0444", "--file", str(descriptor), path]
    line: list[str] = []
    for inside in sorted(mounts, key=lambda path: path.split("/")):
        line += [*_parents(inside), *mounts[inside]]
    return line


def _parents(path: str) -> list[str]:
    """Make every parent folder readable: those that bubblewrap makes by itself are closed (0700)."""
    line: list[str] = []
    for parent in reversed(Path(path).parents[:-1]):
        line += ["--perms", "0755", "--dir", str(parent)]
    return line


def _inside(path: str) -> str:
    if not path.startswith("/") or os.path.normpath(path) != path:
        raise SandboxError(f"{path!r} is not a plain absolute path.")
    return path


def _identity(sandbox: Sandbox) -> list[str]:
    """The step from the machine's root to the person: no capabilities, and no way back."""
    if sandbox.uid <= 0 or sandbox.gid <= 0 or any(gid <= 0 for gid in sandbox.groups):
        raise SandboxError("A sandbox never runs as root.")
    groups = ["--groups", ",".join(map(str, sandbox.groups))] if sandbox.groups else ["--clear-groups"]
    return [
        *(_tool("prlimit"), f"--nproc={most_processes()}", "--"),
        _tool("setpriv"),
        *("--reuid", str(sandbox.uid), "--regid", str(sandbox.gid)),
        *groups,
        *("--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all"),
    ]


@lru_cache
def most_processes() -> int:
    """How many processes and threads one person may have: some for each core, and never most of the machine's."""
    machine = int(Path("/proc/sys/kernel/pid_max").read_text())
    return max(_FEWEST_PROCESSES, min(machine // 8, _PROCESSES_PER_CORE * (os.cpu_count() or 1)))


def _memory_file(content: bytes) -> int:
    descriptor = os.memfd_create("himalia", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
