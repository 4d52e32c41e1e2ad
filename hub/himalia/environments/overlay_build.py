"""Builds an overlay inside a sandbox; a program of its own, for Python 3.8 or newer, with nothing but uv.

    python overlay_build.py --uv UV --base ENVIRONMENT --destination FOLDER --requirements TEXT

It writes its log to standard output and ends with 0 when the overlay is there, also when it was there before.
`destination` appears when it is complete; a killed build leaves a hidden folder that the next one removes.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

MARKER = "himalia.json"
PTH = "himalia-base.pth"
# Nobody imports the packages' own tests, and they are half of all files.
UNCOMPILED = "/site-packages/.*/tests?/"
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")

# What would lead uv or Python to another environment than the one that is being made.
MISLEADING = ("CONDA_", "PIP_", "PYTHON", "UV_PYTHON", "UV_PROJECT", "UV_SYSTEM", "VIRTUAL_ENV")

# A password in an address would be seen in the list of processes, where this text is an argument.
_CREDENTIALS = re.compile(r"://[^/\s]*@")
_OTHER_FILES = re.compile(r"-[rce]|--(requirement|constraint|editable)\b|\.{1,2}(\[|$)")
_ARCHIVES = (".whl", ".zip", ".tar.gz")


class RequirementsError(ValueError):
    """A line that an overlay cannot be made from; the message names it and says what to do."""


class BuildError(Exception):
    """The overlay could not be built; the log above says why."""


def check_requirements(text: str) -> None:
    """Raise RequirementsError unless the text alone says what to install (pip's requirements file format)."""
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*", "", raw).strip()
        place = f"Line {number} of requirements.txt"
        if "\0" in line:
            raise RequirementsError(place + " holds a character that no text has.")
        if _CREDENTIALS.search(line):
            raise RequirementsError(
                place + " holds a password or token. Ask the administrator to set the index."
            )
        if _names_other_file(line):
            raise RequirementsError(
                place + " refers to another file, which may change unnoticed. List the packages themselves."
            )
        if "--hash" in line:
            raise RequirementsError(place + " has hashes, which are not checked here. Leave them out.")


def _names_other_file(line: str) -> bool:
    if _OTHER_FILES.match(line) or "file:" in line:
        return True
    return "://" not in line and ("/" in line or line.lower().endswith(_ARCHIVES))


class Build:
    """One build, with the lock on the destination held."""

    def __init__(self, uv: str, base: Path, destination: Path, requirements: str) -> None:
        self.uv, self.base, self.destination, self.requirements = uv, base, destination, requirements
        self.new = destination.parent / f".{destination.name}.new"
        self.cache = destination.parent / ".cache"
        self.lock = -1

    def run(self) -> None:
        """Make the overlay unless it is there. Raises BuildError, RequirementsError."""
        check_requirements(self.requirements)
        self.lock = os.open(
            str(self.destination.parent / f".{self.destination.name}.lock"),
            os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
            0o600,
        )
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        if (self.destination / MARKER).is_file():
            say("The environment is there already.")
            return
        for left in (self.new, self.destination):
            if left.exists():
                shutil.rmtree(str(left))
        try:
            self._make()
        finally:
            if self.new.exists():
                shutil.rmtree(str(self.new))

    def _make(self) -> None:
        say(f"Making an empty environment on top of {self.base.name}.")
        self._uv(
            "venv",
            "--quiet",
            "--no-project",
            "--relocatable",
            "--python",
            self._python(self.base),
            str(self.new),
        )
        options, missing = self._resolve()
        if missing:
            say(f"Installing {len(missing)} package(s) that {self.base.name} lacks.")
            listed = self.new / "missing.txt"
            listed.write_text("\n".join([*options, *missing]) + "\n", encoding="utf-8")
            self._uv("pip", "install", "--python", self._python(self.new), "--no-deps", "-r", str(listed))
        else:
            say(f"{self.base.name} has all of it.")
        self._see_base()
        self._compile()
        made = {"base": str(self.base), "packages": missing}
        (self.new / MARKER).write_text(json.dumps(made), encoding="utf-8")
        self.new.rename(self.destination)
        say("Ready.")

    def _resolve(self) -> tuple[list[str], list[str]]:
        """(options, packages with versions that the base environment has not got in just that version)."""
        say("Choosing versions.")
        wanted, chosen = self.new / "requirements.txt", self.new / "chosen.txt"
        frozen = self._uv("pip", "freeze", "--python", self._python(self.base), capture=True)
        # The base's packages are asked for too, in any version: what is chosen works together with them.
        names = [line.partition("==")[0] for line in frozen.splitlines() if "==" in line]
        wanted.write_text("\n".join([self.requirements, *names]) + "\n", encoding="utf-8")
        # What an output file holds already is preferred: so the base environment's versions stay where they can.
        chosen.write_text(frozen, encoding="utf-8")
        self._uv(
            *(
                "pip",
                "compile",
                "--quiet",
                "--no-header",
                "--no-annotate",
                "--emit-index-url",
                "--emit-find-links",
            ),
            *("--python", self._python(self.base), "--output-file", str(chosen), str(wanted)),
        )
        lines = [line.strip() for line in chosen.read_text(encoding="utf-8").splitlines() if line.strip()]
        there = set(frozen.splitlines())
        options = [line for line in lines if line.startswith("-")]
        return options, [line for line in lines if not line.startswith(("-", "#")) and line not in there]

    def _see_base(self) -> None:
        # addsitedir, so that the base's own .pth files count too.
        line = f"import site; site.addsitedir({str(site_packages(self.base))!r})\n"
        (site_packages(self.new) / PTH).write_text(line, encoding="utf-8")
        self._run([self._python(self.new), "-c", "import ipykernel"])

    def _compile(self) -> None:
        argv = [self._python(self.new), "-m", "compileall", "-qq", "-x", UNCOMPILED]
        places = ["-s", str(self.new), "-p", str(self.destination), str(site_packages(self.new))]
        # A package may carry templates that are no Python; they are never imported.
        self._run([*argv, *places], check=False)

    def _uv(self, *arguments: str, capture: bool = False) -> str:
        return self._run([self.uv, *arguments], capture=capture)

    def _run(self, argv: Sequence[str], capture: bool = False, check: bool = True) -> str:
        ended = subprocess.run(
            list(argv),
            env=self._environment(),
            cwd=str(self.new.parent),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if capture else None,
            stderr=sys.stdout.fileno() if capture else subprocess.STDOUT,
            # The lock lasts until the program has ended too, even when this process is killed first.
            pass_fds=(self.lock,),
            check=False,
        )
        if check and ended.returncode != 0:
            raise BuildError("The environment could not be built. The lines above say why.")
        return ended.stdout.decode("utf-8") if capture else ""

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(MISLEADING)}
        if CERTIFICATES.is_file():
            kept.setdefault("SSL_CERT_FILE", str(CERTIFICATES))
        # Folders of wheels that this sandbox does not show would be an error.
        places = [
            p for p in kept.pop("UV_FIND_LINKS", "").split(",") if not p.startswith("/") or Path(p).is_dir()
        ]
        if any(places):
            kept["UV_FIND_LINKS"] = ",".join(places)
        return {
            **kept,
            "NO_COLOR": "1",
            "UV_CACHE_DIR": str(self.cache),
            "UV_NO_PROGRESS": "1",
            "UV_PYTHON_DOWNLOADS": "never",
        }

    @staticmethod
    def _python(environment: Path) -> str:
        return str(environment / "bin/python")


def site_packages(environment: Path) -> Path:
    """Where an environment's packages are. Raises BuildError where there is none."""
    for path in (environment / "lib").glob("python3.*/site-packages"):
        return path
    raise BuildError(f"{environment} is no environment.")


def say(text: str) -> None:
    """One line of the log, at once."""
    print(text, flush=True)


def main() -> int:
    """The program; answers its exit code."""
    parser = argparse.ArgumentParser(description="Build an overlay of an environment.")
    parser.add_argument("--uv", required=True)
    parser.add_argument("--base", required=True, type=Path)
    parser.add_argument("--destination", required=True, type=Path)
    parser.add_argument("--requirements", required=True)
    given = parser.parse_args()
    try:
        Build(given.uv, given.base, given.destination, given.requirements).run()
    except (BuildError, RequirementsError) as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"The environment could not be built: {error}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
