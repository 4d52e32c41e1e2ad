"""Environments on this machine: virtual environments made from images/<name>/requirements.lock.

<home>/environments/<name>/        the environment; it appears when it is complete, and not before
<home>/environments/<name>/himalia.json   what it was made from
<home>/environments/.<name>.new    one that is being made
<home>/environments/.<name>.old    the one before, for those who still run in it; removed by the next creation
<home>/environments/.<name>.lock   flock, held while one is made
<home>/environments/.cache         uv's cache; environments share their files with it
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import uv
from blake3 import blake3

from himalia.core.shipped import shipped
from himalia.environments.command import CommandFailedError, clean_environment, run
from himalia.environments.interpreter import base_prefixes
from himalia.environments.overlay_build import MARKER, UNCOMPILED

__all__ = [
    "PACKAGE_FOLDER",
    "CreationFailedError",
    "Environment",
    "EnvironmentUnknownError",
    "base_prefixes",
    "create",
    "default_images",
    "list",
    "marker",
    "status",
]

PACKAGE_FOLDER = "/opt/himalia"
"""Where a sandbox shows this package's folder; every environment finds it there."""

STEPS = 5

Status = Literal["missing", "ready", "outdated", "creating"]
Progress = Callable[[int, int, str], None]

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


class EnvironmentUnknownError(LookupError):
    """No image of this name; the message names those there are."""


class CreationFailedError(Exception):
    """The environment could not be made, and the one before, if any, is untouched. `lines`: the last of the log."""

    def __init__(self, message: str, lines: Sequence[str]) -> None:
        super().__init__(message)
        self.lines = tuple(lines)


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment. One that is outdated can be used, and so can `prefix/bin/python`."""

    name: str
    status: Status
    prefix: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.prefix / "bin/python"

    @property
    def command(self) -> str:
        """What an administrator runs to make it, or to make it anew."""
        return f"himalia environments create {self.name}"


def default_images() -> Path:
    """Where the images are that come with Himalia: in a checkout its images/, else below the prefix."""
    return shipped("images")


def status(name: str, home: Path, images: Path | None = None) -> Status:
    """What there is of the environment `name` below `home`.

    `outdated`: it was made from another lock, or its interpreter is gone. `creating`: there is none to use yet.
    """
    folder = home / "environments"
    made = _read_marker(folder / name)
    lock = _lock_file(name, default_images() if images is None else images)
    usable = made is not None and (folder / name / "bin/python").exists()
    if made is not None and usable and (not lock.is_file() or made.get("lock") == _digest(lock)):
        return "ready"
    if _is_held(folder / f".{name}.lock"):
        return "creating"
    return "missing" if made is None else "outdated"


def marker(environment: Path) -> str:
    """A digest of what the environment was made from: an overlay made on an equal one still fits.

    Raises FileNotFoundError where there is no finished environment.
    """
    made = _read_marker(environment)
    if made is None:
        raise FileNotFoundError(f"There is no finished environment in {environment}.")
    return blake3(json.dumps([made["lock"], made["python"]]).encode()).hexdigest()


def create(
    name: str, home: Path, images: Path | None = None, progress: Progress | None = None
) -> Environment:
    """Make the environment `name` from its image, or make it anew when it is outdated.

    Calls `progress(step, steps, text)` several times in each step. Waits while another process makes the same
    one. An environment that is ready is left as it is. Raises EnvironmentUnknownError and CreationFailedError.
    """
    images = default_images() if images is None else images
    report = progress or (lambda _step, _steps, _text: None)
    if not _NAME.fullmatch(name) or not _lock_file(name, images).is_file():
        known = ", ".join(_names(images)) or "none"
        raise EnvironmentUnknownError(f"There is no environment {name!r}. There are: {known}.")
    folder = home / "environments"
    _make_folder(folder, home)
    with _held(folder / f".{name}.lock", lambda: report(0, STEPS, "Waiting for another creation")) as lock:
        if status(name, home, images) != "ready":
            _clear(folder, name)
            _Creation(name, folder, images / name, report, lock).run()
    return Environment(name, "ready", folder / name)


class _Creation:
    """One creation, with the lock held."""

    def __init__(self, name: str, folder: Path, image: Path, report: Progress, lock: int) -> None:
        self.name, self.image, self.lock = name, image, lock
        self.final, self.new, self.old = folder / name, folder / f".{name}.new", folder / f".{name}.old"
        self.cache = folder / ".cache"
        self.report = report
        self.step, self.title = 0, ""

    def run(self) -> None:
        try:
            self._make_venv()
            self._install()
            self._compile()
            self._describe()
            self._verify()
            self._publish()
        except CommandFailedError as error:
            text = f"Making the environment {self.name} failed at “{self.title}”"
            raise CreationFailedError("\n".join([f"{text}:", *error.lines]), error.lines) from error
        finally:
            if self.new.exists():
                shutil.rmtree(self.new)

    def _begin(self, title: str) -> None:
        self.step, self.title = self.step + 1, title
        self.report(self.step, STEPS, title)

    def _say(self, line: str) -> None:
        # uv names every package once more at its end.
        if not line.startswith("+ "):
            self.report(self.step, STEPS, line)

    def _run(self, *argv: str) -> None:
        self.cache.mkdir(mode=0o700, exist_ok=True)
        environment = {**clean_environment(self.cache), "MPLCONFIGDIR": str(self.new / "tmp")}
        run(argv, environment, self.final.parent, self._say, keep_open=self.lock)

    def _make_venv(self) -> None:
        self._begin("Making an empty environment")
        base = f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}"
        # Relocatable, because it moves once it is complete.
        how = ("--quiet", "--no-project", "--relocatable", "--python", base)
        self._run(uv.find_uv_bin(), "venv", *how, str(self.new))
        (self.new / "tmp").mkdir()

    def _install(self) -> None:
        self._begin("Installing packages")
        self._run(
            *(uv.find_uv_bin(), "pip", "install", "--python", str(self.new / "bin/python")),
            # Nothing of a package runs while it is installed, for this may be root.
            *("--require-hashes", "--only-binary", ":all:", "--no-deps"),
            *("-r", str(self.image / "requirements.lock")),
        )

    def _compile(self) -> None:
        self._begin("Compiling")
        argv = (str(self.new / "bin/python"), "-m", "compileall", "-qq", "-j", "0", "-x", UNCOMPILED)
        try:
            # Tracebacks shall name the place where the files will be.
            self._run(*argv, "-s", str(self.new), "-p", str(self.final), str(self.new / "lib"))
        except CommandFailedError as error:
            # Some packages carry templates that are no Python; they are never imported.
            self._say(f"Some files were not compiled. {error}")

    def _describe(self) -> None:
        self._begin("Writing the kernel's description")
        packages = next((self.new / "lib").glob("python3.*/site-packages"))
        _write(packages / "himalia.pth", f"{PACKAGE_FOLDER}\n")
        kernels = self.new / "share/jupyter/kernels"
        shutil.rmtree(kernels, ignore_errors=True)
        _make_folder(kernels / self.name, self.new)
        kernel = {
            "argv": [str(self.final / "bin/python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": self.name,
            "language": "python",
            "metadata": {"debugger": True, "himalia": {"environment": self.name}},
        }
        _write(kernels / self.name / "kernel.json", json.dumps(kernel, indent=1))

    def _verify(self) -> None:
        self._begin("Verifying")
        self._run(str(self.new / "bin/python"), str(self.image / "verify"))
        shutil.rmtree(self.new / "tmp")

    def _publish(self) -> None:
        made = {
            "name": self.name,
            "lock": _digest(self.image / "requirements.lock"),
            "python": sys.version.split()[0],
        }
        _write(self.new / MARKER, json.dumps(made))
        self.new.chmod(0o755)
        if self.final.exists():
            self.final.rename(self.old)
        self.new.rename(self.final)
        self.report(STEPS, STEPS, "Ready")


def _clear(folder: Path, name: str) -> None:
    """Remove what earlier creations left, and finish an exchange that was killed between its two renames."""
    final, new, old = folder / name, folder / f".{name}.new", folder / f".{name}.old"
    if new.exists():
        shutil.rmtree(new)
    if old.exists():
        if final.exists():
            shutil.rmtree(old)
        else:
            old.rename(final)


@contextmanager
def _held(file: Path, waiting: Callable[[], None]) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_held(file: Path) -> bool:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _read_marker(environment: Path) -> dict[str, Any] | None:
    try:
        made: dict[str, Any] = json.loads((environment / MARKER).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    return made


def _make_folder(folder: Path, below: Path) -> None:
    """Make the folder and those around it, readable by all whatever the umask; `below` keeps its mode."""
    folder.mkdir(parents=True, exist_ok=True)
    for made in (folder, *folder.parents):
        if made == below:
            break
        made.chmod(0o755)


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
    file.chmod(0o644)  # whatever the umask


def _lock_file(name: str, images: Path) -> Path:
    return images / name / "requirements.lock"


def _digest(file: Path) -> str:
    return blake3(file.read_bytes()).hexdigest()


def _names(images: Path) -> Sequence[str]:
    return sorted(file.parent.name for file in images.glob("*/requirements.lock"))


def list(home: Path, images: Path | None = None) -> Sequence[Environment]:
    """All environments that can be made from `images`, and those made from images that are gone; by name."""
    images = default_images() if images is None else images
    folder = home / "environments"
    made = [file.parent.name for file in folder.glob(f"[!.]*/{MARKER}")]
    names = sorted({*_names(images), *made})
    return [Environment(name, status(name, home, images), folder / name) for name in names]
