"""``himalia.run`` inside and outside a job."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from runner_harness import Runner, wait_for

import himalia.run as run


def _metrics(runner: Runner, name: str) -> tuple[list[list[Any]], dict[str, Any]]:
    """All metrics of ``name`` and its final report."""
    items: list[list[Any]] = []
    while (report := runner.link.read()) is not None:
        if report["op"] == "metrics" and report["name"] == name:
            items += report["items"]
        if report["op"] == "ended" and report["name"] == name:
            return items, report
    raise AssertionError("the runner closed")


def test_metrics_arrive_even_if_the_code_kills_itself_right_after(runner: Runner) -> None:
    code = """
import os, signal, himalia.run as run
run.log("loss", 0.5); run.log("loss", 0.25); run.log("accuracy", 1, step=7); run.log("bad", float("nan"))
run.log("worse", -float("inf"))
os.kill(os.getpid(), signal.SIGKILL)
"""
    runner.python("a-1", code)
    items, report = _metrics(runner, "a-1")
    assert [item[:3] for item in items] == [
        ["loss", 0, 0.5],
        ["loss", 1, 0.25],
        ["accuracy", 7, 1.0],
        ["bad", 0, "nan"],
        ["worse", 0, "-inf"],
    ]
    assert report["exit_code"] == 137


def test_threads_and_forks_lose_and_repeat_nothing(runner: Runner) -> None:
    code = """
import os, threading, himalia.run as run
run.log("parent", 0)
def work(name):
    for step in range(500): run.log(name, step, step)
threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
[t.start() for t in threads]
pids = []
for n in range(3):
    pid = os.fork()
    if not pid:
        work(f"f{n}"); os._exit(0)
    pids.append(pid)
[t.join() for t in threads]; [os.waitpid(p, 0) for p in pids]
"""
    runner.python("a-1", code)
    items, report = _metrics(runner, "a-1")
    assert report["exit_code"] == 0
    series: dict[str, list[int]] = {}
    for name, step, _, _ in items:
        series.setdefault(name, []).append(step)
    assert series.pop("parent") == [0]
    assert series == {name: list(range(500)) for name in ("t0", "t1", "t2", "t3", "f0", "f1", "f2")}


def test_ten_thousand_metrics_while_the_service_is_away(runner: Runner) -> None:
    runner.python(
        "a-1", "import himalia.run as run\nfor i in range(10_000): run.log('loss', i)\nopen('../done', 'w')"
    )
    runner.link.until("started", "a-1")
    runner.link.close()
    wait_for((runner.folder / "w/done").exists, "the workload")
    runner.link = runner.connect()
    items, _ = _metrics(runner, "a-1")
    assert [item[1] for item in items] == list(range(10_000))
    assert list((runner.folder / "state/metrics").iterdir()) == []


def test_should_stop_reaches_user_code(runner: Runner) -> None:
    code = """
import time, himalia.run as run
step = 0
while not run.log("step", step): step += 1; time.sleep(0.01)
assert run.should_stop()
"""
    runner.python("a-1", code)
    runner.python("b-1", "import time, himalia.run as run\nwhile not run.log('x', 1): time.sleep(0.01)")
    runner.link.until("metrics", "a-1")
    runner.link.send(op="should_stop", names=["a-1", "unknown-1"])
    assert runner.end("a-1")["exit_code"] == 0
    runner.link.send(op="stop", name="b-1", grace_s=0, reason="stopped_by_user")
    assert runner.end("b-1")["reason"] == "stopped_by_user"


def test_outputs_and_progress_and_inputs(runner: Runner) -> None:
    data = runner.folder / "data.csv"
    data.write_text("1")
    code = """
import os, himalia.run as run
assert run.is_job() and run.id == "a" and run.parameters == {"n": 3}
assert run.input("digits").read_text() == "1"
try: run.input("letters")
except FileNotFoundError as error: assert "It has digits." in str(error)
else: raise AssertionError
os.mkdir("deep"); os.chdir("deep")
run.output("plot.png").write_text("png")
run.output("never written")
os.mkdir("model"); open("model/weights", "w").write("w"); run.output("model")
for bad in ("/etc/passwd", "../../elsewhere", "link"):
    if bad == "link": os.symlink("/etc/passwd", "link")
    try: run.output(bad)
    except ValueError: pass
    else: raise AssertionError(bad)
run.progress("training", fraction=0.5)
"""
    runner.python("a-1", code, inputs={"inputs/digits": str(data)}, parameters={"n": 3})
    assert runner.link.until("progress", "a-1")["data"] == {"message": "training", "fraction": 0.5}
    report = runner.end("a-1")
    assert report["exit_code"] == 0, runner.logs
    assert [each["path"] for each in report["outputs"]] == ["deep/model/weights", "deep/plot.png"]


def test_hostile_messages_are_answered_in_words(runner: Runner) -> None:
    code = """
import json, os, socket
s = socket.socket(socket.AF_UNIX); s.connect(os.environ["HIMALIA_RUN_SOCKET"]); f = s.makefile("rb")
def ask(**m):
    s.sendall(json.dumps({"name": "a-1", **m}).encode() + b"\\n"); return json.loads(f.readline())
assert ask(op="metrics", items=[["x", 0, 1, 2]])["ok"]
for bad in (dict(name="b-1", op="metrics", items=[]), dict(op="fly"), dict(op="metrics", items=3),
            dict(op="metrics", items=[["x", 0, "y", 0]]), dict(op="metrics", items=[["x", 0, 10**400, 0]]),
            dict(op="metrics", items=[["x" * 1000, 0, 1, 0]]), dict(op="metrics", items=[["x", 2**70, 1, 0]]),
            dict(op="output", path="../../etc/passwd"), dict(op="output", path="a\\0b"),
            dict(op="progress", data={"message": "x" * 100000})):
    answer = ask(**bad); assert not answer["ok"] and answer["message"], (bad, answer)
s.sendall(b"no json\\n"); assert not json.loads(f.readline())["ok"]; assert f.readline() == b""
t = socket.socket(socket.AF_UNIX); t.connect(os.environ["HIMALIA_RUN_SOCKET"])
try:
    while True: t.sendall(b"x" * 65536)
except OSError: pass
"""
    runner.python("a-1", code)
    assert runner.end("a-1")["exit_code"] == 0, runner.logs


def test_values_that_are_no_numbers_are_a_type_error() -> None:
    for value in ("1", None, [1], 1j, b"1", object()):
        with pytest.raises(TypeError):
            run.log("x", value)
    for name in ("", "x" * 300, 3):
        with pytest.raises(TypeError):
            run.log(name, 1)  # type: ignore[arg-type]
    for step in (1.5, True, "1"):
        with pytest.raises(TypeError):
            run.log("x", 1, step)  # type: ignore[arg-type]


def test_scalars_of_libraries_are_numbers() -> None:
    class Tensor:
        def item(self) -> float:
            return 0.5

    for value in (Tensor(), True, 3, float("nan")):
        assert run.log("x", value) is False


def test_outside_a_job_everything_works_plainly(tmp_path: Any) -> None:
    code = (
        "import himalia.run as run, json; run.output('x').write_text('y'); run.progress('z');"
        "print(json.dumps([run.is_job(), run.id, run.parameters, run.log('a', 1), run.should_stop()]))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(done.stdout) == [False, None, {}, False, False]
    assert (tmp_path / "x").read_text() == "y"


def test_code_goes_on_when_the_runner_is_killed(runner: Runner) -> None:
    code = """
import os, time, himalia.run as run
os.setsid() if os.getsid(0) != os.getpid() else None
open("../pid", "w").write(str(os.getpid()))
while not os.path.exists("../killed"): time.sleep(0.01)
for i in range(100): run.log("x", i)
open("../fine", "w").close()
"""
    runner.python("a-1", code)
    runner.link.until("started", "a-1")
    runner.kill()
    (runner.folder / "w/killed").touch()
    wait_for((runner.folder / "w/fine").exists, "the code's end")
    runner.launch()
    assert runner.end("a-1")["reason"] == "lost"
