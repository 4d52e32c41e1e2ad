"""The command, as people and scripts run it, against a real platform."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
from pathlib import Path

import pytest
from client_harness import HIMALIA, Run, run_himalia
from platforms import PASSWORD, Person

import himalia
from himalia.hub.accounts.store import AccountStore


def test_submit_and_follow_a_notebook(run: Run, folder: Path) -> None:
    done = run("jobs", "submit", str(folder / "train.ipynb"), "-p", "steps=3", "--label", "a=b", "--follow")
    assert [line for line in done.stdout.splitlines() if line.startswith("step")] == [
        "step 0",
        "step 1",
        "step 2",
    ]
    assert "train: SUCCEEDED" in done.stderr
    assert "cell 4 of 4" in done.stderr
    job = json.loads(run("jobs", "show", "train", "--json").stdout)
    assert (job["spec"]["parameters"], job["labels"]) == ({"steps": 3}, {"a": "b"})
    assert "loss" in run("jobs", "metrics", "train").stdout
    assert [p["step"] for p in _points(run("jobs", "metrics", "train", "loss", "--json").stdout)] == [0, 1, 2]
    assert "step 2" in run("jobs", "log", "train").stdout
    assert "outputs/train.ipynb" in run("jobs", "outputs", "train").stdout
    saved = run("jobs", "download", "train", "--to", "results").stdout.split()
    assert "results/made.txt" in saved
    assert Path("results/made.txt").read_text() == "üüü"
    run("jobs", "rerun", "train", "-p", "steps=1", "--follow")
    rows = json.loads(run("jobs", "compare", "train", "train-2", "--json").stdout)["rows"]
    assert rows["parameter steps"] == ["3", "1"]
    assert re.search(r"≠ +parameter steps +3 +1", run("jobs", "compare", "train", "train-2").stdout)


def _points(text: str) -> list[dict[str, float]]:
    [series] = json.loads(text)
    return [{"step": step, "value": value} for step, value, _ in series["points"]]


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 1), ("kill -9 $$", 1)])
def test_the_exit_code_tells_how_the_job_ended(run: Run, script: str, code: int) -> None:
    run("jobs", "submit", "--follow", "--name", "it", "--", "sh", "-c", script, code=code)
    run("jobs", "wait", "it", code=code)


def test_a_command_keeps_its_options(run: Run) -> None:
    done = run("jobs", "submit", "-f", "--json", "--", "echo", "--name", "x", "--", "-p")
    job = json.loads(done.stdout)
    assert job["spec"]["command"] == ["echo", "--name", "x", "--", "-p"]
    assert job["status"]["state"] == "SUCCEEDED"
    assert "--name x -- -p\n" in done.stderr


def test_a_script_gets_what_comes_behind_it(run: Run, folder: Path) -> None:
    (folder / "go.py").write_text("import sys; print(sys.argv[1:])")
    done = run("jobs", "submit", "-f", str(folder / "go.py"), "one", "--", "--two", "-p")
    assert done.stdout == "['one', '--two', '-p']\n"


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["jobs", "submit"], 2, "Name a notebook or a script"),
        (["jobs", "submit", "train"], 2, "A command comes behind --"),
        (["jobs", "submit", "no.ipynb"], 1, "There is no file no.ipynb"),
        (["jobs", "submit", "--label", "x", "--", "true"], 2, "--label NAME=VALUE"),
        (["jobs", "submit", "--time-limit", "soon", "--", "true"], 1, "not a duration"),
        (["jobs", "submit", "--profile", "nope", "--", "true"], 1, "nope"),
        (["jobs", "show", "nope"], 1, "There is no job named nope"),
        (["jobs", "show", "../x"], 1, "There is nothing at this address"),
        (["jobs", "compare", "one"], 2, "two jobs"),
        (["secrets", "set", "KEY", "value"], 2, "unexpected"),
        (["projects", "show", "nope"], 1, "no project named nope"),
        (["login", "ftp://x"], 1, "not an address"),
    ],
)
def test_mistakes_end_in_one_sentence(run: Run, words: list[str], code: int, sentence: str) -> None:
    done = run(*words, code=code)
    assert sentence in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_lists_and_steering(run: Run) -> None:
    assert "There are no such jobs" in run("jobs", "list").stdout
    assert run("jobs", "submit", "--name", "sleeper", "--", "sleep", "60").stdout == "sleeper\n"
    run("jobs", "wait", "sleeper", "--timeout", "0.3s", code=4)
    assert re.search(r"^sleeper +(QUEUED|STARTING|RUNNING) ", run("jobs", "list").stdout, re.MULTILINE)
    run("jobs", "stop", "sleeper")
    run("jobs", "wait", "sleeper", code=3)
    assert [
        job["name"] for job in json.loads(run("jobs", "list", "--state", "stopped", "--json").stdout)
    ] == ["sleeper"]
    run("jobs", "delete", "sleeper")
    assert json.loads(run("jobs", "list", "--json").stdout) == []
    assert run("jobs", "restore", "sleeper", "--name", "back").stdout == "back\n"


def test_leaving_a_followed_job_leaves_it_running(run: Run, client: himalia.Client) -> None:
    line = [HIMALIA, "jobs", "submit", "-f", "--name", "long", "--", "sh", "-c", "echo on; sleep 60"]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "on\n"
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "himalia jobs log -f long" in words
    assert "Traceback" not in words
    job = client.jobs.get("long")
    assert job.state == "RUNNING"
    job.stop()


def test_secrets_come_from_a_file_or_standard_input(run: Run, tmp_path: Path) -> None:
    (tmp_path / "value").write_text("from-a-file\n")
    run("secrets", "set", "ONE", "--file", str(tmp_path / "value"))
    run("secrets", "set", "TWO", given="from-standard-input\n")
    assert [one["name"] for one in json.loads(run("secrets", "list", "--json").stdout)] == ["ONE", "TWO"]
    shown = "echo ${#ONE} ${#TWO}"
    done = run("jobs", "submit", "-f", "--secret", "ONE", "--secret", "TWO", "--", "sh", "-c", shown)
    assert done.stdout == "12 19\n"
    run("secrets", "delete", "ONE")
    run("secrets", "set", "EMPTY", code=1)


def test_a_secret_that_is_typed_is_not_shown(run: Run) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.execv(HIMALIA, [HIMALIA, "secrets", "set", "TYPED"])
    shown = b""
    while b"Value of TYPED: " not in shown:  # the space comes once nothing is shown any more
        shown += _terminal(terminal)
    os.write(terminal, b"very-hidden\n")
    while piece := _terminal(terminal):
        shown += piece
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    os.close(terminal)
    assert b"very-hidden" not in shown
    assert "TYPED" in run("secrets", "list").stdout


def _terminal(descriptor: int) -> bytes:
    assert select.select([descriptor], [], [], 20)[0], "the terminal is silent"
    try:
        return os.read(descriptor, 4096)
    except OSError:  # its other side is closed
        return b""


def test_a_terminal_is_not_obeyed_to_by_a_log(run: Run) -> None:
    run(
        "jobs",
        "submit",
        "-f",
        "--name",
        "evil",
        "--",
        "printf",
        r"\033]0;title\007\033[31mred\033[0m\033[2Jx\n",
    )
    process, terminal = pty.fork()
    if process == 0:
        os.execv(HIMALIA, [HIMALIA, "jobs", "log", "evil"])
    shown = b""
    while piece := _terminal(terminal):
        shown += piece
    os.waitpid(process, 0)
    os.close(terminal)
    assert b"\x1b[31mred\x1b[0m" in shown
    assert b"\x1b]" not in shown
    assert b"\x1b[2J" not in shown
    assert b"\x07" not in shown


def test_projects(run: Run, project: str, bob: Person) -> None:
    name = f"{project}-b"
    assert run("projects", "create", name, "--title", "Digits").stdout == f"{name}\n"
    run("projects", "add-member", "bob", "viewer", "--project", name)
    assert re.search(r"bob +person +viewer", run("projects", "members", "--project", name).stdout)
    run("projects", "remove-member", "bob", "--project", name)
    run("projects", "update", name, "--description", "About digits")
    assert "About digits" in run("projects", "show", name).stdout
    assert name in run("projects", "list").stdout
    run("projects", "use", name)
    assert Path("himalia.toml").read_text() == f'project = "{name}"\n'
    assert json.loads(run("whoami", "--json").stdout)["current_project"] == name
    run("projects", "delete", name)
    run("projects", "restore", name)
    run("projects", "use", "no-such-project", code=1)


def test_profiles_and_tokens(run: Run) -> None:
    assert re.search(r"base +small\* +1 core, ", run("profiles", "list").stdout)
    assert "tests" in run("tokens", "list").stdout
    assert "may not do this" in run("tokens", "create", "again", code=1).stderr


def test_login_with_a_code(ada: Person, tmp_path: Path) -> None:
    line = [HIMALIA, "login", ada.platform.url]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    words = "".join(process.stdout.readline() for _ in range(4))
    code = re.search(r"[A-Z]{4}-[A-Z]{4}", words)
    assert code is not None
    assert f"{ada.platform.url}/services/himalia/login" in words
    xsrf = next(cookie.value for cookie in ada.browser.cookies.jar if cookie.name == "himalia-xsrf")
    form = {"_xsrf": xsrf, "code": code.group(), "decision": "approve", "scope": "write", "days": "7"}
    assert ada.browser.post("/services/himalia/login", data=form).status_code == 200
    rest, complaint = process.communicate(timeout=30)
    assert process.returncode == 0, complaint
    assert "as ada" in rest
    stored = tmp_path / "config" / "himalia" / "credentials.json"
    assert stored.stat().st_mode & 0o777 == 0o600
    token = next(iter(json.loads(stored.read_text())["platforms"].values()))["token"]
    assert token not in words + rest + complaint + ada.platform.log("service") + ada.platform.log("hub")
    assert run_himalia("whoami").stdout.startswith("ada at ")
    run_himalia("logout")
    assert not json.loads(stored.read_text())["platforms"]
    run_himalia("whoami", code=1)
    with himalia.Client(ada.platform.url, token) as client, pytest.raises(himalia.client.HimaliaError):
        client.whoami()


def test_a_refused_login(ada: Person) -> None:
    line = [HIMALIA, "login", ada.platform.url]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    code = re.search(r"[A-Z]{4}-[A-Z]{4}", "".join(process.stdout.readline() for _ in range(4)))
    assert code is not None
    xsrf = next(cookie.value for cookie in ada.browser.cookies.jar if cookie.name == "himalia-xsrf")
    form = {"_xsrf": xsrf, "code": code.group(), "decision": "deny"}
    ada.browser.post("/services/himalia/login", data=form)
    _, complaint = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "refused" in complaint


def test_login_with_a_password(ada: Person, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD + "\n")
    words = ["login", ada.platform.url, "--username", "ada", "--password-file"]
    assert "as ada" in run_himalia(*words, str(tmp_path / "password")).stdout
    assert run_himalia("whoami").stdout == f"ada at {ada.platform.url}, project ada\n"
    assert PASSWORD not in ada.platform.log("service") + ada.platform.log("hub")
    run_himalia("logout")
    run_himalia(*words, str(tmp_path / "password"), "--scope", "read")
    refused = run_himalia("jobs", "submit", "--", "true", code=1).stderr
    assert "needs a token with the scope write, which yours does not have" in refused
    run_himalia("logout")
    (tmp_path / "password").write_text("wrong\n")
    assert "is wrong" in run_himalia(*words, str(tmp_path / "password"), code=1).stderr


def test_a_disabled_account_is_told_so(ada: Person, tmp_path: Path) -> None:
    ada.platform.add_user("dorothea")
    AccountStore.of_home(ada.platform.home).disable("dorothea")
    (tmp_path / "password").write_text(PASSWORD + "\n")
    words = [
        "login",
        ada.platform.url,
        "--username",
        "dorothea",
        "--password-file",
        str(tmp_path / "password"),
    ]
    assert "This account is disabled. Ask an administrator." in run_himalia(*words, code=1).stderr


def test_without_a_platform(tmp_path: Path) -> None:
    assert "himalia login" in run_himalia("jobs", "list", code=1).stderr
    assert "Is the platform running" in run_himalia("login", "http://127.0.0.1:9", code=1).stderr
