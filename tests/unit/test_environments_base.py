"""The environment `base` as it comes, used as people use it: alone and under an overlay."""

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
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

import himalia
from himalia.environments import local
from himalia.environments.index import index_environment
from himalia.environments.overlay import (
    MAX_REQUIREMENTS_BYTES,
    RequirementsError,
    build_command,
    is_ready,
    overlay_digest,
)

PACKAGE_FOLDER = str(Path(himalia.__file__).parents[1])
SIX = b"# comment\nsix==1.16.0  # https://example.org\nnumpy\n"


@pytest.fixture
def base(environments: Path) -> local.Environment:
    (made,) = (one for one in local.list(environments.parent) if one.name == "base")
    return made


@pytest.fixture
def overlays() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="h"))
    yield folder
    shutil.rmtree(folder)


def build(
    base: local.Environment, overlays: Path, requirements: bytes
) -> tuple[Path, list[str], dict[str, str]]:
    destination = overlays / overlay_digest(requirements, base.prefix)
    command = build_command(base.prefix, destination, requirements, package_folder=PACKAGE_FOLDER)
    return destination, command, {**os.environ, **index_environment()}


def finish(command: list[str], environment: dict[str, str], code: int = 0) -> str:
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (code, ""), ended.stdout
    return ended.stdout


def execute(python: Path, code: str) -> str:
    return subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_it_has_what_it_promises(base: local.Environment) -> None:
    assert base.status == "ready"
    assert int(execute(base.python, "import numpy; print(numpy.arange(10).sum())")) == 45
    assert execute(base.python, "import sys; print(sys.prefix)") == str(base.prefix)


def test_it_sees_the_package_where_a_sandbox_shows_it(base: local.Environment) -> None:
    files = list(base.prefix.glob("lib/python3.*/site-packages/himalia.pth"))
    assert [file.read_text() for file in files] == ["/opt/himalia\n"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become someone else")
def test_somebody_else_can_use_it_in_a_sandbox(base: local.Environment) -> None:
    line = ["bwrap", "--unshare-pid", "--ro-bind", "/usr", "/usr", "--dev", "/dev", "--proc", "/proc"]
    for name in ("bin", "lib", "lib64"):
        line += ["--symlink", f"usr/{name}", f"/{name}"]
    for folder in (base.prefix, *local.base_prefixes(base.prefix)):
        for parent in reversed(folder.parents[:-1]):
            line += ["--perms", "0755", "--dir", str(parent)]
        line += ["--ro-bind", str(folder), str(folder)]
    line += ["--", "setpriv", "--reuid", "65000", "--regid", "65000", "--clear-groups", "--no-new-privs"]
    code = "import os, numpy, ipykernel, httpx; print(os.getuid(), numpy.ones(3).sum())"
    ended = subprocess.run(
        [*line, str(base.python), "-c", code], env={}, capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.stderr) == ("65000 3.0\n", "")


def test_base_prefixes_leave_out_usr(tmp_path: Path) -> None:
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--without-pip", str(tmp_path / "v")], check=True)
    assert local.base_prefixes(tmp_path / "v") == []
    (tmp_path / "other/bin").mkdir(parents=True)
    (tmp_path / "other/bin/python").symlink_to(tmp_path / "v/bin/python")
    assert local.base_prefixes(tmp_path / "other") == [tmp_path / "v"]


def test_its_kernel_runs(base: local.Environment) -> None:
    kernels = KernelSpecManager(
        kernel_dirs=[str(base.prefix / "share/jupyter/kernels")], ensure_native_kernel=False
    )
    assert list(kernels.find_kernel_specs()) == ["base"]
    manager = KernelManager(kernel_name="base", kernel_spec_manager=kernels)
    manager.start_kernel()
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=60)
        answer = client.execute_interactive(
            "import sys, numpy; sys.prefix", timeout=60, output_hook=lambda _: None
        )
        assert answer["content"]["status"] == "ok"
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def test_an_overlay_adds_what_is_missing_and_sees_the_rest(base: local.Environment, overlays: Path) -> None:
    destination, command, environment = build(base, overlays, SIX)
    assert not is_ready(destination)
    log = finish(command, environment)
    assert "Installing 1 package(s) that base lacks." in log
    assert log.splitlines()[-1] == "Ready."
    assert is_ready(destination)
    python = destination / "bin/python"
    code = (
        "import six, numpy, ipykernel, sys; print(six.__version__, six.__file__, numpy.__file__, sys.prefix)"
    )
    version, six_file, numpy_file, prefix = execute(python, code).split()
    assert (version, prefix) == ("1.16.0", str(destination))
    assert Path(six_file).is_relative_to(destination)
    assert Path(numpy_file).is_relative_to(base.prefix)
    assert finish(command, environment).splitlines() == ["The environment is there already."]


def test_an_overlay_of_nothing_new(base: local.Environment, overlays: Path) -> None:
    destination, command, environment = build(base, overlays, b"pandas\n")
    assert "base has all of it." in finish(command, environment)
    assert execute(destination / "bin/python", "import pandas; print(pandas.__name__)") == "pandas"


def test_a_failed_overlay_says_why_and_leaves_nothing(base: local.Environment, overlays: Path) -> None:
    destination, command, environment = build(base, overlays, b"no-such-package-of-himalia\n")
    log = finish(command, environment, code=1)
    assert "no-such-package-of-himalia" in log
    assert log.splitlines()[-1] == "The environment could not be built. The lines above say why."
    assert not destination.exists()
    assert {p.name for p in overlays.iterdir()} <= {".cache", f".{destination.name}.lock"}


def test_a_killed_overlay_is_not_there_and_is_built_next_time(
    base: local.Environment, overlays: Path
) -> None:
    destination, command, environment = build(base, overlays, SIX)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as building:
        assert building.stdout is not None
        while not building.stdout.readline().startswith("Installing"):
            assert building.poll() is None
        building.send_signal(signal.SIGKILL)
        building.stdout.read()
    assert not destination.exists()
    assert not is_ready(destination)
    finish(command, environment)
    assert is_ready(destination)
    assert {p.name for p in overlays.iterdir()} == {".cache", f".{destination.name}.lock", destination.name}


def test_an_overlays_name_is_what_it_is_made_from(base: local.Environment, tmp_path: Path) -> None:
    name = overlay_digest(SIX, base.prefix)
    assert len(name) == 64
    assert overlay_digest(SIX, base.prefix) == name
    assert overlay_digest(SIX + b"#", base.prefix) != name
    (tmp_path / "other").mkdir()
    (tmp_path / "other/himalia.json").write_text('{"name": "other", "lock": "0", "python": "3"}')
    assert overlay_digest(SIX, tmp_path / "other") != name
    with pytest.raises(FileNotFoundError):
        overlay_digest(SIX, tmp_path)


@pytest.mark.parametrize(
    "requirements",
    [b"six", b"a>=1,<2; python_version < '3.12'", b"a[b]==1  # see ./x", b"--extra-index-url https://one.example/x",
     b"a @ https://one.example/a.whl", b"git+https://one.example/a.git@v1", b"\xef\xbb\xbfsix\r\n", b""],
)  # fmt: skip
def test_requirements_that_are_whole_in_themselves(tmp_path: Path, requirements: bytes) -> None:
    assert build_command(tmp_path, tmp_path / "x", requirements)[0] == str(tmp_path / "bin/python")


@pytest.mark.parametrize(
    ("requirements", "said"),
    [
        (b"six\n-r more.txt", "Line 2"),
        (b"-rmore.txt", "another file"),
        (b"--requirement=more.txt", "another file"),
        (b"-c limits.txt", "another file"),
        (b"-e .", "another file"),
        (b"  --editable .", "another file"),
        (b".", "another file"),
        (b"./package", "another file"),
        (b"..[extra]", "another file"),
        (b"packages/one", "another file"),
        (b"/etc/package", "another file"),
        (b"one.whl", "another file"),
        (b"one @ file:///tmp/one.whl", "another file"),
        (b"--index-url https://me:secret@one.example/", "password"),
        (b"git+https://token@one.example/a.git", "password"),
        (b"six==1 --hash=sha256:00", "hashes"),
        (b"six\xff", "UTF-8"),
        (b"six\0", "no text"),
        (b"#" * (MAX_REQUIREMENTS_BYTES + 1), "larger than 64 KiB"),
    ],
)
def test_requirements_that_are_refused(tmp_path: Path, requirements: bytes, said: str) -> None:
    with pytest.raises(RequirementsError, match=said) as caught:
        build_command(tmp_path, tmp_path / "x", requirements)
    assert "secret" not in str(caught.value)


def test_the_builder_needs_nothing_but_python() -> None:
    script = f"{PACKAGE_FOLDER}/himalia/environments/overlay_build.py"
    help_text = subprocess.run(
        [sys.executable, "-I", "-S", script, "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert "--destination" in help_text
