"""Files into versions and out again, against DVC.

    python benchmarks/datasets.py [--files 10000] [--large-mib 1024] [--rounds 5] [--json]

Each figure is one call of a library, as from a notebook: `client.datasets.add` and `dvc.repo.Repo.add`, each in a new
process that has imported it. What the whole process took is a note, for those who use the commands. Both keep copies
of the files: Himalia in a running platform's store, durable and checked before it answers; DVC in the cache of a new
repository without Git, with its own settings. DVC is installed into a virtual environment of its own in `.cache/`,
once.

- add: a folder of files of 4 KiB with random content, a hundred in each folder;
- add one file: random content;
- add again: the same folder with nothing changed;
- lay out by link: the folder from the store; for DVC, `Repo.checkout` with `cache.type hardlink`.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
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
    calls: dict[str, list[float]] = field(default_factory=lambda: {"himalia": [], "dvc": []})
    processes: dict[str, list[float]] = field(default_factory=lambda: {"himalia": [], "dvc": []})

    @classmethod
    def of(cls, title: str, unit: str, amount: float, goal: float) -> Measure:
        """A figure whose goal is `goal` times DVC's."""
        return cls(title, unit, amount, Series("himalia"), Series("dvc", Goal("at least", goal)))

    def add(self, who: str, seconds: tuple[float, float]) -> None:
        """Take down one round: seconds of the call, and of its process."""
        self.calls[who].append(seconds[0])
        self.processes[who].append(seconds[1])
        (self.ours if who == "himalia" else self.dvc).values.append(self.amount / seconds[0])

    def report(self) -> Report:
        """With medians in seconds as notes."""
        notes = {
            "seconds": {who: statistics.median(values) for who, values in self.calls.items()},
            "seconds of the process": {
                who: statistics.median(values) for who, values in self.processes.items()
            },
        }
        return Report(self.title, self.unit, self.ours, (self.dvc,), notes)


def dvc_environment() -> Path:
    """The virtual environment with the DVC that is compared with."""
    place = ROOT / ".cache" / f"dvc-{DVC}"
    if not (place / "bin" / "dvc").exists():
        uv = str(ROOT / "tools" / "uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", str(place)], check=True, timeout=_LONGEST_S)
        install = [uv, "pip", "install", "--quiet", "--python", str(place / "bin" / "python"), f"dvc=={DVC}"]
        subprocess.run(install, check=True, timeout=_LONGEST_S)
    return place


TIMED = """
import sys, time
{prepare}
begun = time.perf_counter()
{call}
print(time.perf_counter() - begun, flush=True)
"""


def timed(
    python: str, prepare: str, call: str, folder: Path, variables: dict[str, str]
) -> tuple[float, float]:
    """Seconds of one call in a new process, and of that process. Raises CalledProcessError."""
    begun = time.perf_counter()
    done = subprocess.run(
        [python, "-c", TIMED.format(prepare=prepare, call=call)],
        cwd=folder,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        timeout=_LONGEST_S,
        check=True,
    )
    return float(done.stdout.split()[-1]), time.perf_counter() - begun


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


def round_of_dvc(dvc: Path, folder: Path, sources: tuple[Path, Path], found: dict[str, Measure]) -> None:
    """One round of the peer."""
    repo, home = folder / "repository", folder / "home"
    variables = {"HOME": str(home), "DVC_NO_ANALYTICS": "1"}
    for place in (repo, home):
        place.mkdir(exist_ok=True)

    def command(*words: str) -> None:
        line = [str(dvc / "bin" / "dvc"), *words, "--quiet"]
        subprocess.run(line, cwd=repo, env={**os.environ, **variables}, check=True, timeout=_LONGEST_S)

    def call(text: str) -> tuple[float, float]:
        prepare = "from dvc.repo import Repo; repo = Repo('.')"
        return timed(str(dvc / "bin" / "python"), prepare, text, repo, variables)

    try:
        command("init", "--no-scm")
        shutil.copytree(sources[0], repo / "many")
        shutil.copyfile(sources[1], repo / "large")
        settle()
        found["many"].add("dvc", call("repo.add('many')"))
        found["again"].add("dvc", call("repo.add('many')"))
        found["large"].add("dvc", call("repo.add('large')"))
        command("config", "cache.type", "hardlink")
        shutil.rmtree(repo / "many")
        settle()
        found["lay out"].add("dvc", call("repo.checkout(['many.dvc'])"))
    finally:
        shutil.rmtree(repo)


def round_of_himalia(
    person: Person, folder: Path, sources: tuple[Path, Path], found: dict[str, Measure], number: int
) -> None:
    """One round of ours."""
    sockets = person.platform.home / "s" / "service"
    variables = {  # as in a job
        "HIMALIA_API_SOCKET": str(sockets / "api.sock"),
        "HIMALIA_FILES_SOCKET": str(sockets / "files.sock"),
        "HIMALIA_TOKEN": person.token,
        "XDG_CACHE_HOME": str(folder / "cache"),
    }

    def call(text: str) -> tuple[float, float]:
        prepare = "import himalia; client = himalia.Client(); client.project"
        # What the platform has to do for the call before, such as a preview, is done.
        wait_until_quiet(processes(person.platform))
        return timed(sys.executable, prepare, text, folder, variables)

    add_many = f"client.datasets.add('many-{number}', '{sources[0]}')"
    settle()
    found["many"].add("himalia", call(add_many))
    found["again"].add("himalia", call(add_many))
    found["large"].add("himalia", call(f"client.datasets.add('large-{number}', '{sources[1]}')"))
    for tree in person.platform.home.glob("projects/*/checkouts/*"):  # previews have been there
        tree.unlink() if tree.is_symlink() else shutil.rmtree(tree)
    settle()
    found["lay out"].add("himalia", call(f"client.datasets.checkout('many-{number}')"))


def settle() -> None:
    """Let files become older than any blur, and what was written before reach the disk."""
    os.sync()
    time.sleep(SETTLED_S)


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--files", type=at_least_one, default=10_000)
    parser.add_argument("--large-mib", type=at_least_one, default=1024)
    chosen = parser.parse_args()
    dvc = dvc_environment()
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
