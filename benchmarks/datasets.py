"""Files into versions and out again, against DVC.

    python benchmarks/datasets.py [--files 10000] [--large-mib 1024] [--rounds 5] [--json]

Each figure is a command from its start to its end, the interpreter's start included. Both keep copies of the files:
`himalia datasets add` in a running platform's store, durable and checked before it answers; `dvc add` in the cache of
a new repository without Git, with DVC's own settings. DVC is installed into a virtual environment of its own in
`.cache/`, once.

- add: a folder of files of 4 KiB with random content, a hundred in each folder;
- add one file: random content;
- add again: the same folder with nothing changed;
- lay out by link: the folder from the store; for DVC, `dvc checkout` with `cache.type hardlink`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from _platform import ROOT, Person, fresh_home, processes, signed_in, wait_until_quiet
from _report import Goal, Report, Series, at_least_one, options

DVC = "3.67.1"
FILE_BYTES = 4096
SETTLED_S = 2.5
"""Both trust what a file's times say only once they are older than the file system's clock can blur."""
_LONGEST_S = 600


@dataclass
class Measure:
    """One figure of both, in units a second."""

    title: str
    unit: str
    amount: float
    ours: Series
    dvc: Series
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"himalia": [], "dvc": []})

    @classmethod
    def of(cls, title: str, unit: str, amount: float, goal: float) -> Measure:
        """A figure whose goal is `goal` times DVC's."""
        return cls(title, unit, amount, Series("himalia"), Series("dvc", Goal("at least", goal)))

    def add(self, who: str, seconds: float) -> None:
        """Take down one round."""
        self.seconds[who].append(seconds)
        (self.ours if who == "himalia" else self.dvc).values.append(self.amount / seconds)

    def report(self) -> Report:
        """With the medians in seconds as a note."""
        middle = {who: sorted(values)[len(values) // 2] for who, values in self.seconds.items()}
        return Report(self.title, self.unit, self.ours, (self.dvc,), {"seconds": middle})


def dvc_program() -> str:
    """The `dvc` of the version that is compared with."""
    place = ROOT / ".cache" / f"dvc-{DVC}"
    if not (place / "bin" / "dvc").exists():
        uv = str(ROOT / "tools" / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", str(place)], check=True, timeout=_LONGEST_S)
        install = [uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), f"dvc=={DVC}"]
        subprocess.run(install, check=True, timeout=_LONGEST_S)
    return str(place / "bin" / "dvc")


def timed(command: list[str], folder: Path, variables: dict[str, str]) -> float:
    """Seconds that a command took. Raises CalledProcessError."""
    begun = time.perf_counter()
    subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        timeout=_LONGEST_S,
        check=True,
    )
    return time.perf_counter() - begun


def make_files(folder: Path, count: int) -> None:
    """Random files, a hundred in each folder."""
    for number in range(count):
        place = folder / f"{number // 100:04}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number % 100:02}.bin").write_bytes(os.urandom(FILE_BYTES))


def make_large(file: Path, mib: int) -> None:
    """One random file."""
    with file.open("wb") as out:
        for _ in range(mib):
            out.write(os.urandom(1 << 20))


@contextmanager
def repository(dvc: str, folder: Path) -> Iterator[dict[str, str]]:
    """A new repository in `folder`, and the variables that DVC is run with."""
    variables = {"HOME": str(folder.parent / "home"), "DVC_NO_ANALYTICS": "1"}
    folder.mkdir()
    Path(variables["HOME"]).mkdir(exist_ok=True)
    timed([dvc, "init", "--no-scm", "--quiet"], folder, variables)
    try:
        yield variables
    finally:
        shutil.rmtree(folder)


def round_of_dvc(dvc: str, folder: Path, sources: tuple[Path, Path], found: dict[str, Measure]) -> None:
    """One round of the peer."""
    repo = folder / "repository"
    with repository(dvc, repo) as variables:
        shutil.copytree(sources[0], repo / "many")
        shutil.copyfile(sources[1], repo / "large")
        settle()
        found["many"].add("dvc", timed([dvc, "add", "--quiet", "many"], repo, variables))
        found["again"].add("dvc", timed([dvc, "add", "--quiet", "many"], repo, variables))
        found["large"].add("dvc", timed([dvc, "add", "--quiet", "large"], repo, variables))
        timed([dvc, "config", "cache.type", "hardlink"], repo, variables)
        shutil.rmtree(repo / "many")
        settle()
        found["lay out"].add("dvc", timed([dvc, "checkout", "--quiet", "many.dvc"], repo, variables))


def round_of_himalia(
    person: Person, folder: Path, sources: tuple[Path, Path], found: dict[str, Measure], number: int
) -> None:
    """One round of ours."""
    himalia = str(Path(sys.executable).with_name("himalia"))
    socket = person.platform.home / "s" / "service" / "api.sock"
    variables = {
        "HIMALIA_URL": f"{person.platform.url}/services/himalia",
        "HIMALIA_API_SOCKET": str(socket),  # as in jobs and notebook servers
        "HIMALIA_TOKEN": person.token,
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    add = [himalia, "datasets", "add"]
    settle()
    found["many"].add("himalia", timed([*add, f"many-{number}", str(sources[0])], folder, variables))
    found["again"].add("himalia", timed([*add, f"many-{number}", str(sources[0])], folder, variables))
    found["large"].add("himalia", timed([*add, f"large-{number}", str(sources[1])], folder, variables))
    settle()
    lay_out = [himalia, "datasets", "checkout", f"many-{number}"]
    found["lay out"].add("himalia", timed(lay_out, folder, variables))


def settle() -> None:
    """Let files become older than any blur, and what was written before reach the disk."""
    os.sync()
    time.sleep(SETTLED_S)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--files", type=at_least_one, default=10_000)
    parser.add_argument("--large-mib", type=at_least_one, default=1024)
    chosen = parser.parse_args()
    dvc = dvc_program()
    many = f"{chosen.files:,} files of 4 KiB"
    found = {
        "many": Measure.of(f"Add {many}", "files/s", chosen.files, 2.5),
        "large": Measure.of(f"Add one file of {chosen.large_mib:,} MiB", "MiB/s", chosen.large_mib, 3),
        "again": Measure.of(f"Add {many} again, unchanged", "files/s", chosen.files, 10),
        "lay out": Measure.of(f"Lay out {many} by link", "files/s", chosen.files, 4),
    }
    with (
        tempfile.TemporaryDirectory(prefix="hd", dir="/tmp") as name,
        fresh_home() as running,
        signed_in(running.up()) as person,
    ):
        folder = Path(name)
        for number in range(chosen.rounds):
            sources = folder / f"many-{number}", folder / f"large-{number}"
            make_files(sources[0], chosen.files)
            make_large(sources[1], chosen.large_mib)
            wait_until_quiet(processes(running))
            round_of_himalia(person, folder, sources, found, number)
            wait_until_quiet(processes(running))
            round_of_dvc(dvc, folder, sources, found)
            shutil.rmtree(sources[0])
            sources[1].unlink()
    for measure in found.values():
        measure.report().show(chosen.json)


if __name__ == "__main__":
    main()
