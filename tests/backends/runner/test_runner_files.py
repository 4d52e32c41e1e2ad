"""What a workload finds in its folder, and what is kept of it."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest
from runner_harness import Runner, wait_for


def test_snapshot_inputs_and_secrets_are_there(runner: Runner) -> None:
    runner.api.add_snapshot(
        "job", {"main.py": "import lib.util", "lib/__init__.py": "", "lib/util.py": CHECK}
    )
    data = runner.folder / "data"
    data.mkdir()
    (data / "digits.csv").write_text("1,2\n")
    report = runner.run(
        "job-1",
        kind="script",
        command=["main.py"],
        snapshot=True,
        inputs={"inputs/digits": str(data)},
        secret_files={"password": "hunter2-secret"},
        environment={"LEVEL": "3"},
        parameters={"epochs": 3},
    )
    assert report["exit_code"] == 0, runner.logs["job-1"]
    assert runner.api.authorizations == ["Bearer him_work_job-1"]
    assert not list(Path("/dev/shm").glob("himalia-*/job-1"))


CHECK = """
import json, os, stat
assert open("inputs/digits/digits.csv").read() == "1,2\\n"
secrets = os.environ["HIMALIA_SECRETS_DIR"]
assert open(secrets + "/password").read() == "hunter2-secret"
assert stat.S_IMODE(os.stat(secrets + "/password").st_mode) == 0o600
assert stat.S_IMODE(os.stat(secrets).st_mode) == 0o700
assert os.environ["LEVEL"] == "3"
assert os.environ["HIMALIA_WORKLOAD"] == "job"
assert os.environ["HIMALIA_ATTEMPT"] == "1"
assert json.loads(os.environ["HIMALIA_PARAMETERS"]) == {"epochs": 3}
"""


def test_a_missing_snapshot_or_input_is_bad_input(runner: Runner) -> None:
    report = runner.run("a-1", "true", snapshot=True)
    assert report["reason"] == "bad_input"
    assert report["message"] == "The code snapshot could not be fetched: There is no such snapshot."
    report = runner.run("b-1", "true", inputs={"inputs/digits": "/no/such/checkout"})
    assert (report["reason"], report["exit_code"]) == ("bad_input", None)
    assert "digits" in report["message"]


def _member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        archive.addfile(member)
    return stream.getvalue()


@pytest.mark.parametrize(
    "tar",
    [
        _member("../evil"),
        _member("/tmp/evil"),
        _member("a/../../evil"),
        _member("link", tarfile.SYMTYPE, "/etc"),
        _member("hard", tarfile.LNKTYPE, "/etc/passwd"),
        _member("null", tarfile.CHRTYPE),
        _member("pipe", tarfile.FIFOTYPE),
    ],
)
def test_a_hostile_snapshot_is_refused(runner: Runner, tar: bytes) -> None:
    runner.api.snapshots["a"] = tar
    report = runner.run("a-1", "true", snapshot=True)
    assert report["reason"] == "bad_input"
    assert report["message"].startswith("The code snapshot holds ")
    assert list((runner.folder / "w").iterdir()) == [runner.directory("a-1")]
    assert list(runner.directory("a-1").iterdir()) == []


def test_fetching_waits_for_a_service_that_is_away_and_can_be_stopped(runner: Runner) -> None:
    runner.api.add_snapshot("a", {"x": "1"})
    snapshots = runner.api.snapshots
    runner.api.down()
    runner.start("a-1", "cat", "x", snapshot=True)
    runner.start("b-1", "cat", "x", snapshot=True)
    assert runner.run("c-1", "true")["exit_code"] == 0  # nothing else waits for it
    runner.link.send(op="stop", name="b-1", grace_s=5, reason="stopped_by_user")
    assert runner.end("b-1")["reason"] == "stopped_by_user"
    runner.api.up()
    runner.api.snapshots = snapshots
    assert runner.end("a-1")["exit_code"] == 0
    assert runner.logs["a-1"] == "1"


def test_outputs_are_stored_before_the_final_report(runner: Runner) -> None:
    code = """
mkdir -p outputs/plots; printf one > outputs/a.txt; printf two > outputs/plots/b.png; printf three > elsewhere
ln -s /etc/passwd outputs/link; ln -s / outputs/root; mkfifo outputs/pipe; : > outputs/empty; exit 1
"""
    runner.api.failures = [503, 429]
    report = runner.run("a-1", "sh", "-c", code)
    assert [(each["path"], each["size"]) for each in report["outputs"]] == [
        ("outputs/a.txt", 3),
        ("outputs/empty", 0),
        ("outputs/plots/b.png", 3),
    ]
    assert runner.api.outputs["a", "outputs/plots/b.png"] == b"two"
    assert all(len(each["digest"]) == 64 for each in report["outputs"])
    assert report["exit_code"] == 1


MANY = """
mkdir outputs; for n in $(seq 100 139); do printf $n > outputs/$n; done
head -c 300000 /dev/zero > outputs/large; : > outputs/empty
"""


def test_many_small_outputs_are_sent_together(runner: Runner) -> None:
    report = runner.run("a-1", "sh", "-c", MANY)
    assert [each["path"] for each in report["outputs"]] == [
        *(f"outputs/{n}" for n in range(100, 140)),
        "outputs/empty",
        "outputs/large",
    ]
    assert runner.api.bundles == 1
    assert runner.api.outputs["a", "outputs/117"] == b"117"
    assert len(runner.api.outputs["a", "outputs/large"]) == 300_000
    assert all(len(each["digest"]) == 64 for each in report["outputs"])


def test_what_is_refused_together_is_sent_singly(runner: Runner) -> None:
    runner.api.failures = [422, 503, 422]
    report = runner.run("a-1", "sh", "-c", MANY)
    assert report["message"] == "The output 'outputs/large' could not be stored: Not now."
    assert len(report["outputs"]) == 41
    assert runner.api.bundles == 0


def test_outputs_wait_for_a_service_that_is_away(runner: Runner) -> None:
    runner.api.down()
    runner.start("a-1", "sh", "-c", "mkdir outputs; printf x > outputs/x")
    runner.link.until("started", "a-1")
    runner.link.close()
    wait_for((runner.directory("a-1") / "outputs/x").exists, "the output")
    runner.api.up()
    runner.link = runner.connect()
    assert runner.end("a-1")["outputs"][0]["path"] == "outputs/x"


def test_storing_can_be_stopped(runner: Runner) -> None:
    runner.api.failures = [500] * 1000
    runner.start("a-1", "sh", "-c", "mkdir outputs; printf x > outputs/x")
    wait_for(lambda: len(runner.api.failures) < 1000, "the first attempt")
    runner.link.send(op="stop", name="a-1", grace_s=0.2, reason="stopped_by_user")
    report = runner.end("a-1")
    assert (report["reason"], report["outputs"]) == ("stopped_by_user", [])


def test_a_refused_output_fails_with_the_services_words(runner: Runner) -> None:
    runner.api.failures = [413]
    report = runner.run("a-1", "sh", "-c", "mkdir outputs; printf x > outputs/x")
    assert report["reason"] == "user_error"
    assert report["message"] == "The output 'outputs/x' could not be stored: Not now."
    assert report["exit_code"] == 0


def test_what_cannot_be_stored_keeps_nothing_else_from_it(runner: Runner) -> None:
    runner.api.failures = [413]
    report = runner.run(
        "a-1", "sh", "-c", "mkdir outputs; cd outputs; printf x > a; printf y > b; printf z > c"
    )
    assert (report["reason"], report["exit_code"]) == ("user_error", 0)
    assert report["message"] == "The output 'outputs/a' could not be stored: Not now."
    assert [each["path"] for each in report["outputs"]] == ["outputs/b", "outputs/c"]


def test_odd_names_are_stored(runner: Runner) -> None:
    names = ["grüße 🚀.txt", "a?b#c%d&e.txt", "new\nline", "e\u0301", b"\xff\xfe.bin", b"\xfe\xff.bin"]
    code = f"""
import os
os.mkdir("outputs")
for name in {names!r}:
    open(os.path.join(b"outputs", os.fsencode(name)), "w").close()
"""
    runner.python("a-1", code)
    report = runner.end("a-1")
    assert report["exit_code"] == 0, runner.logs
    assert {each["path"] for each in report["outputs"]} == {
        "outputs/grüße 🚀.txt",
        "outputs/a?b#c%d&e.txt",
        "outputs/new\ufffdline",
        "outputs/\u00e9",
        "outputs/\ufffd\ufffd.bin",
        "outputs/\ufffd\ufffd.bin (2)",
    }


def test_a_folder_in_use_is_not_touched(runner: Runner) -> None:
    target = runner.directory("a-1")
    target.mkdir(parents=True)
    (target / "precious").write_text("x")
    assert runner.run("a-1", "true")["reason"] == "bad_input"
    assert (target / "precious").read_text() == "x"
    elsewhere = runner.folder / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    runner.directory("b-1").symlink_to(elsewhere)
    assert runner.run("b-1", "true")["reason"] == "bad_input"
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o755


def test_user_code_that_deletes_everything_of_its_own_still_gets_its_report(runner: Runner) -> None:
    state = runner.folder / "state"
    code = f"echo x; mkdir outputs; rm -rf $PWD {state}/logs/* $HIMALIA_SECRETS_DIR; echo y"
    report = runner.run("a-1", "sh", "-c", code, secret_files={"x": "abcdefg"})
    assert report["exit_code"] == 0
    assert report["outputs"] == []
    assert runner.run("b-1", "true")["exit_code"] == 0


def test_names_that_lead_elsewhere_are_bad_input(runner: Runner) -> None:
    for number, fields in enumerate(
        (
            {"inputs": {"../x": "/etc"}},
            {"secret_files": {"../x": "y"}},
            {"environment": {"A=B": "y"}},
            {"environment": {"A": "\0"}},
            {"command": ["a\0b"]},
            {"memory_bytes": -1},
            {"time_limit_s": True},
        )
    ):
        fields = {"command": ["true"], **fields}
        assert runner.run(f"a-{number}", **fields)["reason"] == "bad_input"
    assert not (runner.folder / "w").exists()
