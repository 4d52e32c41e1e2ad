"""Environments: creation that is whole or not there, and everything that ends it early."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv

from himalia.environments import local
from himalia.environments.index import index_elsewhere, index_environment
from himalia.environments.overlay import packages
from himalia.environments.overlay_build import CERTIFICATES, MARKER

# six 1.16.0: one small file of plain Python.
SIX = "six==1.16.0 --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254\n"
WRONG = "six==1.16.0 --hash=sha256:" + "0" * 64 + "\n"

CREATE = """
import sys
from pathlib import Path
from himalia.environments import local
local.create("tiny", Path(sys.argv[1]), Path(sys.argv[2]), lambda *progress: print(*progress, flush=True))
"""


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="h"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """One image that is made in a second."""
    image = tmp_path / "images/tiny"
    image.mkdir(parents=True)
    (image / "requirements.lock").write_text(SIX)
    (image / "verify").write_text("import six\nprint('six', six.__version__)\n")
    return image.parent


def start(home: Path, images: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CREATE, str(home), str(images)], stdout=subprocess.PIPE, text=True
    )


def hidden(home: Path) -> set[str]:
    return {path.name for path in (home / "environments").iterdir() if path.name.startswith(".")}


def test_create_is_told_step_by_step(home: Path, images: Path) -> None:
    told: list[tuple[int, int, str]] = []
    assert local.status("tiny", home, images) == "missing"
    assert [(e.name, e.status) for e in local.list(home, images)] == [("tiny", "missing")]
    before = os.umask(0o077)
    try:
        made = local.create("tiny", home, images, lambda *progress: told.append(progress))
    finally:
        os.umask(before)
    assert [step for step, _, _ in told] == sorted(step for step, _, _ in told)
    assert ({step for step, _, _ in told}, {steps for _, steps, _ in told}) == ({1, 2, 3, 4, 5}, {5})
    assert told[-1] == (5, 5, "Ready")
    assert (5, 5, "six 1.16.0") in told
    assert made == local.list(home, images)[0]
    assert made.prefix == home / "environments/tiny"
    assert hidden(home) == {".cache", ".tiny.lock"}
    closed = [p for p in made.prefix.rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o444 != 0o444]
    assert closed == []
    assert [p for p in made.prefix.rglob("*") if p.is_dir() and p.stat().st_mode & 0o055 != 0o055] == []

    told.clear()
    assert local.create("tiny", home, images, lambda *progress: told.append(progress)) == made
    assert told == []


def test_what_was_compiled_names_its_final_place(home: Path, images: Path) -> None:
    made = local.create("tiny", home, images)
    code = "import six, sys; print(six.__cached__); print(six.with_metaclass.__code__.co_filename)"
    cached, source = subprocess.run(
        [made.python, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert Path(cached).is_file()
    assert source == str(next(made.prefix.glob("lib/python3.*/site-packages/six.py")))


@pytest.mark.parametrize("name", ["absent", "", "..", "../images/tiny", "Tiny", "tiny/", ".tiny", "t\0"])
def test_unknown_names_are_refused(home: Path, images: Path, name: str) -> None:
    with pytest.raises(local.EnvironmentUnknownError, match="There are: tiny"):
        local.create(name, home, images)
    assert not (home / "environments").exists()


def test_a_new_lock_makes_it_outdated_and_the_old_one_stays_for_who_uses_it(home: Path, images: Path) -> None:
    made = local.create("tiny", home, images)
    first = local.marker(made.prefix)
    (images / "tiny/requirements.lock").write_text("# changed\n" + SIX)
    assert local.status("tiny", home, images) == "outdated"
    with subprocess.Popen(
        [made.python, "-c", "input(); import six"], stdin=subprocess.PIPE, text=True
    ) as running:
        inode = made.prefix.stat().st_ino
        local.create("tiny", home, images)
        assert (home / "environments/.tiny.old").stat().st_ino == inode
        assert local.marker(made.prefix) != first
        running.communicate("\n", timeout=30)
    assert running.returncode == 0
    shutil.rmtree(images / "tiny")
    assert [(e.name, e.status) for e in local.list(home, images)] == [("tiny", "ready")]


def test_a_lost_interpreter_makes_it_outdated(home: Path, images: Path) -> None:
    made = local.create("tiny", home, images)
    for link in made.prefix.glob("bin/python*"):
        link.unlink()
        link.symlink_to("/nowhere/python3")
    assert local.status("tiny", home, images) == "outdated"
    with pytest.raises(FileNotFoundError):
        local.base_prefixes(made.prefix)
    assert local.create("tiny", home, images).python.exists()


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("requirements.lock", WRONG, "Installing packages"),
        (
            "requirements.lock",
            "no-such-package-of-himalia==1 --hash=sha256:" + "0" * 64,
            "Installing packages",
        ),
        ("verify", "import six\nraise SystemExit('this cannot work')\n", "this cannot work"),
    ],
)
def test_a_failed_creation_says_why_and_changes_nothing(
    home: Path, images: Path, file: str, text: str, said: str
) -> None:
    made = local.create("tiny", home, images)
    inode = made.prefix.stat().st_ino
    (images / "tiny/requirements.lock").write_text("# changed\n" + SIX)
    (images / "tiny" / file).write_text(text)
    with pytest.raises(local.CreationFailedError, match=said) as caught:
        local.create("tiny", home, images)
    assert caught.value.lines
    assert made.prefix.stat().st_ino == inode
    assert local.status("tiny", home, images) == "outdated"
    assert hidden(home) == {".cache", ".tiny.lock"}


@pytest.mark.parametrize("step", ["2 5", "3 5", "5 5 Verifying"])
def test_a_killed_creation_leaves_nothing_that_looks_finished(home: Path, images: Path, step: str) -> None:
    creation = start(home, images)
    assert creation.stdout is not None
    while not creation.stdout.readline().startswith(step):
        assert creation.poll() is None
    creation.send_signal(signal.SIGKILL)
    creation.communicate()
    # What the killed process had started may still run; nobody else makes the environment meanwhile.
    assert local.status("tiny", home, images) in ("missing", "creating")
    assert not (home / "environments/tiny").exists()
    assert local.create("tiny", home, images).status == "ready"
    assert hidden(home) == {".cache", ".tiny.lock"}


def test_a_creation_killed_between_its_renames_is_recovered(home: Path, images: Path) -> None:
    made = local.create("tiny", home, images)
    made.prefix.rename(home / "environments/.tiny.old")
    assert local.status("tiny", home, images) == "missing"
    (images / "tiny/requirements.lock").write_text(WRONG)
    with pytest.raises(local.CreationFailedError):
        local.create("tiny", home, images)
    assert local.status("tiny", home, images) == "outdated"


def test_two_at_once_make_one(home: Path, images: Path) -> None:
    first = start(home, images)
    assert first.stdout is not None
    first.stdout.readline()
    assert local.status("tiny", home, images) == "creating"
    second = start(home, images)
    told = second.communicate(timeout=60)[0].splitlines()
    first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert told == ["0 5 Waiting for another creation"]
    assert local.status("tiny", home, images) == "ready"


def test_the_images_that_come_with_himalia() -> None:
    images = local.default_images()
    names = {folder.name for folder in images.iterdir() if folder.is_dir()}
    assert names >= {"base", "scikit-learn"}
    for name in names:
        image = images / name
        assert "ARG BASE" in (image / "Dockerfile").read_text()
        # The others stand on it, and are what is run.
        assert name == "lab" or os.access(image / "verify", os.X_OK)
        for lock in image.glob("*.lock"):
            entries = lock.read_text().replace("\\\n", " ").splitlines()
            assert all("--hash=sha256:" in entry and "==" in entry for entry in entries)


@pytest.mark.parametrize("name", ["base", "scikit-learn"])
def test_locks_are_what_the_requirements_come_to(name: str, tmp_path: Path) -> None:
    # An output file that is there already is kept wherever it still fits.
    shutil.copytree(local.default_images(), tmp_path / "images")
    subprocess.run(
        [uv.find_uv_bin(), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--no-header",
         "--no-annotate", "--no-emit-index-url", "--generate-hashes", "requirements.txt", "-o", "requirements.lock"],
        cwd=tmp_path / "images" / name, env={**os.environ, **index_environment()}, check=True,
    )  # fmt: skip
    made = (tmp_path / "images" / name / "requirements.lock").read_text()
    assert made == (local.default_images() / name / "requirements.lock").read_text()


def test_pips_configuration_reaches_uv_through_variables(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex_url = https://index.example/simple\ncert = /ca.pem\n"
        "[install]\nextra-index-url =\n  https://one.example/%(x)s\n  https://two.example\n"
    )
    environment = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path)}
    assert index_environment(environment) == {
        "UV_DEFAULT_INDEX": "https://index.example/simple",
        "UV_INDEX": "https://one.example/%(x)s https://two.example",
        "SSL_CERT_FILE": "/ca.pem",
    }
    environment |= {
        "PIP_INDEX_URL": "https://user:password@other.example/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "/wheels  https://wheels.example",
        "PIP_NO_INDEX": "true",
        "PIP_TRUSTED_HOST": "a.example b.example",
        "UV_INDEX": "https://chosen.example",
    }
    assert index_environment(environment) == {
        "UV_DEFAULT_INDEX": "https://user:password@other.example/simple",
        "UV_INDEX": "https://chosen.example",
        "UV_FIND_LINKS": "/wheels,https://wheels.example",
        "UV_NO_INDEX": "1",
        "UV_INSECURE_HOST": "a.example b.example",
        "SSL_CERT_FILE": "/ca.pem",
    }


def test_another_machine_is_told_no_files_of_this_one() -> None:
    environment = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "https://i.example", "PIP_CERT": "/ca.pem"}
    assert index_elsewhere(environment) == {"UV_DEFAULT_INDEX": "https://i.example"}


def test_without_configuration_only_certificates_are_named() -> None:
    certificates = {"SSL_CERT_FILE": str(CERTIFICATES)} if CERTIFICATES.is_file() else {}
    assert index_environment({"PIP_CONFIG_FILE": os.devnull}) == certificates


def test_an_index_never_shows_in_a_command_line(
    home: Path, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:hunter2@index.invalid/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    heard: list[str] = []
    sys.addaudithook(lambda event, args: heard.append(str(args[1])) if event == "subprocess.Popen" else None)
    with pytest.raises(local.CreationFailedError) as caught:
        local.create("tiny", home, images)
    assert len(heard) == 2
    assert not any("hunter2" in text for text in [*heard, str(caught.value)])


def test_what_an_overlay_holds_is_read_with_care(tmp_path: Path) -> None:
    folder = tmp_path / "overlay"
    folder.mkdir()
    file = folder / MARKER
    assert packages(folder) is None
    file.write_text('{"base": "/b", "packages": ["six==1.17.0", "pkg @ https://example.org/pkg-1.whl"]}')
    assert packages(folder) == ["six==1.17.0", "pkg @ https://example.org/pkg-1.whl"]
    listed = ['["six"]', "{}", '{"packages": "six"}', '{"packages": [1]}', "[" * 50_000]
    for text in (*listed, '{"packages": ["-r other.txt"]}', '{"packages": ["six\\n-r other.txt"]}'):
        file.write_text(text)
        assert packages(folder) is None, text
    file.unlink()
    (tmp_path / "elsewhere.json").write_text('{"packages": ["six==1.17.0"]}')
    file.symlink_to(tmp_path / "elsewhere.json")
    assert packages(folder) is None
    file.unlink()
    os.mkfifo(file)
    assert packages(folder) is None
    (tmp_path / "link").symlink_to(folder)
    assert packages(tmp_path / "link") is None
