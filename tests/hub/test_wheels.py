"""The wheels carry all that they need: a platform comes up from them, far from any checkout."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from platforms import ROOT, Person, Running

PACKAGES = Path(sysconfig.get_path("purelib"))


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Other users may pass through it, for their sandboxes see an interpreter in it."""
    made = Path(tempfile.mkdtemp(prefix="hw", dir="/tmp"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def wheels(folder: Path) -> dict[str, Path]:
    """Both wheels, by the names of their distributions."""
    if not (ROOT / "extensions/himalia_lab/labextension/package.json").is_file():
        pytest.fail("The panels are not built: run make install.")
    subprocess.run([ROOT / "tools" / "wheels", folder / "dist"], check=True, timeout=120)
    return {path.name.split("-")[0]: path for path in (folder / "dist").glob("*.whl")}


@pytest.fixture(scope="module")
def prefix(folder: Path, wheels: dict[str, Path]) -> Path:
    """A virtual environment with both wheels, and with what they need from the one that runs the tests."""
    made = environment(folder / "whole", *wheels.values())
    # A .pth file in there, such as the checkout's own, is not read: only this one's folder is a site.
    (site(made) / "needed.pth").write_text(f"{PACKAGES}\n")
    return made


@pytest.fixture(scope="module")
def light(folder: Path, wheels: dict[str, Path]) -> Path:
    """A virtual environment with what `pip install himalia` installs, and nothing else."""
    made = environment(folder / "light", wheels["himalia"])
    (own,) = Distribution.discover(name="himalia", path=[str(site(made))])
    for name in needed(own):
        for top in {file.parts[0] for file in distribution(name).files or () if ".." not in file.parts}:
            if top != "__pycache__":
                (site(made) / top).symlink_to(PACKAGES / top)
    return made


@pytest.fixture(scope="module")
def running(prefix: Path, environments: Path) -> Iterator[Running]:
    """The platform, started from the wheels; its first start installs the proxy."""
    running = Running()
    running.python = str(prefix / "bin" / "python")
    try:
        yield running.up(timeout_s=150)
    finally:
        running.remove()


def environment(path: Path, *wheels: Path) -> Path:
    """A new virtual environment with `wheels`, without what they depend on."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", path], check=True, timeout=60)
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--offline", "--no-deps"]
    subprocess.run([*install, "--python", path / "bin" / "python", *wheels], check=True, timeout=60)
    return path


def site(prefix: Path) -> Path:
    return prefix / PACKAGES.relative_to(sys.prefix)


def needed(of: Distribution) -> set[str]:
    """Names of the distributions that `of` needs without extras, and of those that they need."""
    names: set[str] = set()
    waiting = [of]
    while waiting:
        for requirement in waiting.pop().requires or ():
            name, _, marker = requirement.partition(";")
            found = re.match(r"[\w.-]+", name)
            if found and not re.search("extra|<|platform", marker):
                if found[0] not in names:
                    waiting.append(distribution(found[0]))
                names.add(found[0])
    return names


def run(*command: str | Path, code: int = 0) -> str:
    """What a command prints, run where no checkout is."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_no_file_is_missing(wheels: dict[str, Path]) -> None:
    packed = set(zipfile.ZipFile(wheels["himalia"]).namelist())
    data = next(name for name in packed if ".data/data/" in name).partition("/")[0] + "/data/share/himalia"
    places = {"hub/himalia": "himalia", **{name: f"{data}/{name}" for name in ("images", "examples")}}
    places["spawner-profiles"] = f"{data}/spawner-profiles"
    tracked = subprocess.run(
        ["git", "ls-files", "-z", *places], cwd=ROOT, capture_output=True, text=True, check=True
    )
    wanted = [name for name in tracked.stdout.split("\0") if (ROOT / name).is_file() and is_installed(name)]
    expected = {
        inside + name.removeprefix(outside)
        for name in wanted
        for outside, inside in places.items()
        if name.startswith(outside + "/")
    }
    assert len(expected) > 100
    assert sorted(expected - packed - {f"{data}/images/README.md"}) == []


def is_installed(name: str) -> bool:
    """Images that are no environments are made from a checkout."""
    folder = Path(name).parent
    return folder.parent.name != "images" or (ROOT / folder / "requirements.txt").is_file()


def test_commands_run_from_the_wheel(prefix: Path, folder: Path) -> None:
    himalia = prefix / "bin" / "himalia"
    place = run(prefix / "bin" / "python", "-c", "import himalia, himalia_lab; print(himalia.__path__[0])")
    assert Path(place.strip()) == site(prefix) / "himalia"
    assert "Usage: himalia" in run(himalia, "--help")
    listed = json.loads(run(himalia, "environments", "list", "--home", folder / "none", "--json"))
    assert {one["name"] for one in listed} >= {"base", "scikit-learn"}
    code = "from himalia.profiles.load import load; print(*(p.name for p in load()))"
    assert set(run(prefix / "bin" / "python", "-c", code).split()) == {
        path.stem for path in (ROOT / "spawner-profiles").glob("*.yaml")
    }


def test_doctor_says_what_the_first_start_will_do(prefix: Path, folder: Path) -> None:
    himalia = prefix / "bin" / "himalia"
    checks = json.loads(run(himalia, "doctor", "--home", folder / "none", "--json"))
    found = {check["name"]: check for check in checks}
    assert (found["proxy"]["verdict"], found["panels"]["verdict"]) == ("warning", "ok")
    assert "installs the proxy" in found["proxy"]["message"]


def test_panels_are_where_lab_looks_for_them(prefix: Path) -> None:
    panels = prefix / "share/jupyter/labextensions/@himalia/lab"
    package = json.loads((panels / "package.json").read_text())
    assert (panels / package["jupyterlab"]["_build"]["load"]).is_file()
    settings = json.loads((prefix / "etc/jupyter/jupyter_server_config.d/himalia_lab.json").read_text())
    assert settings["ServerApp"]["jpserver_extensions"] == {"himalia_lab": True}


def test_platform_comes_up_and_runs_a_job(running: Running) -> None:
    admin = Person(running, "admin", ("admin",))
    try:
        assert {profile["name"] for profile in admin.http.get("/profiles").json()["items"]} >= {"base"}
        job = admin.submit("python", "-c", "import himalia; print(himalia.__version__)")
        ended = admin.ended(job["name"])
        assert ended["status"]["state"] == "SUCCEEDED", ended["status"]
        assert re.fullmatch(r"\d+\.\d+\.\d+\n", admin.text(job["name"]))
    finally:
        admin.close()
    assert (running.home / "proxy" / "package-lock.json").is_file()


def test_base_is_the_sdk_and_the_command_alone(light: Path) -> None:
    code = "import sys, himalia, himalia.run; himalia.Client, himalia.AsyncClient; print(*sys.modules)"
    loaded = run(light / "bin" / "python", "-c", code).split()
    assert {name.split(".")[1] for name in loaded if name.startswith("himalia.")} == {"client", "run"}
    himalia = light / "bin" / "himalia"
    for command in ("--help", "jobs", "projects", "secrets", "profiles", "tokens"):
        assert "Usage: himalia" in run(himalia, command, "--help")
    assert "himalia login" in run(himalia, "whoami", code=1)


def test_older_python_has_the_sdk_and_is_told_of_the_command(wheels: dict[str, Path], folder: Path) -> None:
    versions = [path for n in (8, 9, 10) if (path := shutil.which(f"python3.{n}")) and works(path)]
    if not versions:
        pytest.skip("no Python older than 3.11 is here")
    zipfile.ZipFile(wheels["himalia"]).extractall(folder / "unpacked")
    start = f"import sys; sys.path.insert(0, {str(folder / 'unpacked')!r}); from himalia.cli import start; start()"
    assert "needs Python 3.11 or newer, and this is 3." in run(versions[0], "-c", start, code=1)


def works(python: str) -> bool:
    """Whether an interpreter runs: a version manager's link may lead to none."""
    return subprocess.run([python, "-V"], capture_output=True, timeout=30, check=False).returncode == 0


def test_base_says_what_the_platform_needs(light: Path, folder: Path) -> None:
    for command in ("up", "doctor"):
        said = run(light / "bin" / "himalia", command, "--home", folder / "none", code=1)
        assert "pip install 'himalia[hub]'" in said
        assert "Traceback" not in said
    assert not (folder / "none").exists()
