"""The command line, run as people run it."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from himalia import __version__
from himalia.cli.output import duration, printable, size

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="h"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def run(home: Path) -> Run:
    def call(*words: str, text: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HIMALIA_HOME": str(home), "PYTHONUTF8": "1", **variables}
        command = [sys.executable, "-c", "from himalia.cli.main import main; main()", *words]
        return subprocess.run(
            command, capture_output=True, text=True, input=text, env=environment, check=False
        )

    return call


def test_version_imports_little(run: Run) -> None:
    assert run("--version").stdout == f"{__version__}\n"
    line = (
        "import sys\nfrom himalia.cli.main import main\nsys.argv[1:] = ['--version']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'sqlalchemy', 'pydantic', 'rich', 'asyncio', 'jupyterhub', 'httpx'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True)
    assert loaded.stdout.splitlines()[-1] == "[]"


def test_help_names_every_command(run: Run) -> None:
    shown = run("--help")
    assert shown.returncode == 0
    for name in ("up", "down", "status", "doctor", "users", "environments"):
        assert re.search(rf"^  {name} ", shown.stdout, re.MULTILINE), name


@pytest.mark.parametrize(
    "words", [("fly",), ("up", "--speed", "9"), ("users", "add"), ("users", "invite", "--days", "0")]
)
def test_wrong_usage_is_2(run: Run, words: tuple[str, ...]) -> None:
    answer = run(*words)
    assert answer.returncode == 2
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("up", "--address", "nowhere"), "is not an address. Give HOST:PORT"),
        (("up", "--home", "/tmp/" + "x" * 60), "Choose a shorter one with --home"),
        (("up", "--admin-password-file", "/no/such/file"), "The password file /no/such/file cannot be read"),
        (("users", "disable", "nobody"), "There is no account 'nobody'."),
        (("users", "add", "../etc"), "An account's name is"),
    ],
)
def test_failures_are_one_sentence(run: Run, words: tuple[str, ...], sentence: str) -> None:
    answer = run(*words)
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr.startswith("Error: ")
    assert sentence in answer.stderr
    assert answer.stderr.count("\n") == 1


def test_status_and_down_without_a_platform(run: Run, home: Path) -> None:
    answer = run("status")
    assert answer.returncode == 3
    assert f"himalia up --home {home}" in answer.stdout
    answer = run("status", "--json")
    assert answer.returncode == 3
    assert json.loads(answer.stdout) == {"running": False, "healthy": False, "home": str(home)}
    answer = run("down")
    assert (answer.returncode, answer.stdout) == (0, f"Himalia does not run in {home}.\n")
    assert list(home.iterdir()) == [], "looking changes nothing"


def test_doctor_says_what_to_do(run: Run, home: Path) -> None:
    checks = {check["name"]: check for check in json.loads(run("doctor", "--json").stdout)}
    assert checks["system"]["verdict"] == checks["python"]["verdict"] == "ok"
    assert checks["sandboxes"]["verdict"] == "ok"
    assert "himalia environments create base" in checks["environments"]["message"]
    (home / "run").mkdir()
    (home / "secrets").mkdir(mode=0o755)
    answer = run("doctor")
    assert answer.returncode == 3
    assert re.search(
        r"^problem +home +.*secrets has mode 0755 and should have 0700", answer.stdout, re.MULTILINE
    )
    bare = run("doctor", "--json", PATH="/nowhere")
    found = {check["name"]: check for check in json.loads(bare.stdout)}
    assert found["sandboxes"]["message"] == "Install the Debian package bubblewrap and util-linux."


def test_environments_are_defined_where_the_setting_says(run: Run, home: Path, tmp_path: Path) -> None:
    (tmp_path / "vision").mkdir()
    (tmp_path / "vision" / "requirements.lock").touch()
    (home / "himalia.toml").write_text(f'images_dir = "{tmp_path}"\n')
    listed = json.loads(run("environments", "list", "--json").stdout)
    assert [(one["name"], one["status"]) for one in listed] == [("vision", "missing")]
    assert "There are: vision." in run("environments", "create", "base").stderr
    checks = {check["name"]: check for check in json.loads(run("doctor", "--json").stdout)}
    assert checks["environments"]["message"].startswith("Not ready: vision.")


def test_accounts(run: Run) -> None:
    made = json.loads(run("users", "add", "ada", "--admin", "--json").stdout)
    assert made["name"] == "ada"
    assert len(made["password"]) >= 16
    given = run("users", "add", "bob", "--password-stdin", text="correct horse battery\n")
    assert (given.returncode, "horse" in given.stdout) == (0, False)
    again = run("users", "add", "bob")
    assert (again.returncode, again.stderr) == (1, "Error: There is an account bob already.\n")
    assert run("users", "add", "eve", "--password-stdin").returncode == 2
    assert run("users", "disable", "bob").stdout == "bob is disabled.\n"
    accounts = {account["name"]: account for account in json.loads(run("users", "list", "--json").stdout)}
    assert (accounts["ada"]["admin"], accounts["bob"]["disabled"]) == (True, True)
    assert run("users", "enable", "bob").returncode == 0
    table = run("users", "list").stdout.splitlines()
    assert table[0].split() == ["NAME", "ROLE", "STATE", "CREATED", "LAST", "SIGN-IN"]
    assert [line.split()[:3] for line in table[1:]] == [
        ["ada", "administrator", "enabled"],
        ["bob", "user", "enabled"],
    ]
    assert "Password: " in run("users", "reset-password", "bob").stdout
    code = json.loads(run("users", "invite", "carol", "--json").stdout)["code"]
    assert len(code) >= 16


def test_shell_completion(run: Run) -> None:
    words = {"COMP_WORDS": "himalia us", "COMP_CWORD": "1"}
    assert run(_HIMALIA_COMPLETE="complete_bash", **words).stdout.split() == ["users"]


@pytest.mark.parametrize(
    ("made", "shown"),
    [
        (size(0), "0 B"),
        (size(1536), "1.5 KiB"),
        (size(12 * 2**30), "12 GiB"),
        (duration(0.4), "0 s"),
        (duration(250), "4 min 10 s"),
        (duration(2 * 86400 + 3 * 3600 + 59), "2 d 3 h"),
        (printable("a\x1b[31mb"), "a\N{REPLACEMENT CHARACTER}[31mb"),
    ],
)
def test_words(made: str, shown: str) -> None:
    assert made == shown


TABLE = "from himalia.cli.output import print_table; print_table(('NAME', 'WHY'), [('a', 'word ' * 60), ('b', 'x')])"


def test_a_table_for_a_program_has_one_line_a_row() -> None:
    command = [sys.executable, "-c", TABLE]
    for columns in ("40", ""):
        environment = {**os.environ, "COLUMNS": columns}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        assert len(lines) == 3
        assert lines[1].split() == ["a", *["word"] * 60]
        assert "\x1b" not in done.stdout


def test_a_table_in_a_terminal_folds_and_loses_nothing() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": "40"}
    done = subprocess.run([sys.executable, "-c", TABLE], env=environment, stdout=theirs, check=True)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # its other side is closed
        while piece := os.read(ours, 4096):
            shown += piece
    os.close(ours)
    assert done.returncode == 0
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).splitlines()
    assert len(lines) > 5
    assert max(len(line) for line in lines) <= 40
    assert " ".join(lines).split().count("word") == 60
