"""Notebooks as jobs, with real kernels."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from nbformat import v4
from notebook_harness import children, code, executors, notebook, output, run, start, wait_until_warm
from runner_harness import KERNEL, Runner, is_alive, wait_for

MakeRunner = Callable[..., Runner]


@pytest.fixture(scope="module")
def shared() -> Any:
    """One runner with warm kernels for all that does not need its own."""
    runner = Runner()
    run(runner, "first-1", b"not even a notebook")  # it makes the runner start a warm kernel
    yield runner
    runner.close()


def test_a_notebook_runs_with_parameters_progress_log_and_html(shared: Runner) -> None:
    cells = (
        v4.new_markdown_cell("# Title"),
        code("epochs = 1\nname = 'x'", "parameters"),
        "",
        "import os, himalia.run as run\nprint('epochs', epochs, name, os.environ['LEVEL'])",
        "run.log('accuracy', 0.5)\nopen('outputs/extra.txt', 'w').write('kept without close')\nepochs * 2",
    )
    start(
        shared,
        "nb-1",
        notebook(*cells),
        parameters={"epochs": 7, "name": "it's"},
        environment={"LEVEL": "3"},
    )
    reports = []
    while not reports or reports[-1]["op"] != "ended":
        report = shared.link.read()
        assert report is not None
        reports.append(report)
    end = reports[-1]
    assert (end["exit_code"], end["reason"], end["message"]) == (0, None, None), reports
    assert [each["path"] for each in end["outputs"]] == [
        "outputs/extra.txt",
        "outputs/train.html",
        "outputs/train.ipynb",
    ]
    assert [each["data"]["cells"] for each in reports if each["op"] == "progress"][-1] == 4
    assert [each["items"][0][:3] for each in reports if each["op"] == "metrics"] == [["accuracy", 0, 0.5]]
    log = "".join(each["text"] for each in reports if each["op"] == "log")
    assert log == "epochs 7 it's 3\n14\n"
    executed = output(shared, "nb-1")
    assert [cell.metadata.get("tags") for cell in executed.cells][:3] == [
        None,
        ["parameters"],
        ["injected-parameters"],
    ]
    assert executed.cells[2].source == '# Parameters\nepochs = 7\nname = "it\'s"'
    assert executed.cells[4].outputs[0].text == "epochs 7 it's 3\n"
    assert executed.cells[5].outputs[0].data["text/plain"] == "14"
    assert b"<html" in shared.api.outputs["nb", "outputs/train.html"]
    assert shared.api.outputs["nb", "outputs/extra.txt"] == b"kept without close"


def test_a_failing_cell_names_itself_and_keeps_everything(shared: Runner) -> None:
    report = run(shared, "fails-1", notebook("print('before')", "1 / 0", "print('never')"))
    assert (report["exit_code"], report["reason"]) == (1, "user_error")
    assert report["message"] == "Cell 2 failed: ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in shared.logs["fails-1"]
    assert "himalia" not in shared.logs["fails-1"]  # nothing of ours in the user's traceback
    executed = output(shared, "fails-1")
    assert executed.cells[0].outputs[0].text == "before\n"
    assert executed.cells[1].outputs[0].ename == "ZeroDivisionError"
    assert executed.cells[2].outputs == []
    assert b"ZeroDivisionError" in shared.api.outputs["fails", "outputs/train.html"]


def test_a_dead_kernel_fails_with_its_signal(shared: Runner) -> None:
    report = run(shared, "segv-1", notebook("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"))
    assert (report["exit_code"], report["reason"]) == (1, "user_error")
    assert report["message"].startswith("Cell 1 failed: The process was ended by SIGSEGV")
    assert {each["path"] for each in report["outputs"]} == {"outputs/train.html", "outputs/train.ipynb"}


def test_what_is_no_notebook_is_bad_input(shared: Runner) -> None:
    report = run(shared, "bad-1", b"not json")
    assert report["reason"] == "bad_input"
    assert report["message"].startswith("'train.ipynb' is not a notebook")
    report = run(shared, "param-1", notebook(code("a = 1", "parameters")), parameters={"b": 1})
    assert report["message"] == "The notebook has no parameter b. It has a."
    assert "Traceback" not in shared.logs["bad-1"] + shared.logs["param-1"]


def test_kernels_that_are_not_there(shared: Runner) -> None:
    content = notebook("1", kernelspec={"name": "ir", "display_name": "R", "language": "R"})
    report = run(shared, "r-1", content)
    assert report["reason"] == "environment_missing"
    assert "'R'" in report["message"]
    argv = ["/no/such/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    report = run(shared, "gone-1", notebook("1"), kernel_argv=argv)
    assert report["reason"] == "environment_missing"
    assert (
        report["message"]
        == "The kernel could not be started: /no/such/python cannot be started: No such file or directory."
    )
    argv = ["/usr/bin/python3", "-I", "-S", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    report = run(shared, "bare-1", notebook("1"), kernel_argv=argv)
    assert report["reason"] == "environment_missing"
    assert "ipykernel" in report["message"]


def test_what_a_job_leaves_running_and_prints_too_much(shared: Runner) -> None:
    cells = (
        "for i in range(150_000): print('line', i)",
        "for i in range(50): print(f'\\r{i}%', end='', flush=True)\nprint()",
        "import atexit, pathlib; atexit.register(lambda: pathlib.Path('../outputs/left').write_text('bye'))",
        "import subprocess; p = subprocess.Popen(['sleep', '60'], start_new_session=True); print(p.pid)",
        "print(open('data.txt').read())",
    )
    shared.api.add_snapshot("deep", {"sub/data.txt": "found", "sub/n.ipynb": notebook(*cells)})
    fields = {"notebook": "sub/n.ipynb", "kernel_argv": KERNEL, "python": sys.executable}
    report = shared.run("deep-1", kind="notebook", snapshot=True, **fields)
    assert report["exit_code"] == 0
    *_, pid, found = shared.logs["deep-1"].split()
    assert found == "found"  # it runs in the notebook's own folder
    assert not is_alive(int(pid))
    assert [each["path"] for each in report["outputs"]] == [
        "outputs/left",
        "outputs/n.html",
        "outputs/n.ipynb",
    ]
    assert "line 149999\n" in shared.logs["deep-1"]
    loud, bar, *_ = (
        cell.outputs[0].get("text") for cell in output(shared, "deep-1", "n.ipynb").cells if cell.outputs
    )
    assert len(loud) < 1_100_000
    assert "this cell printed more" in loud
    assert bar.strip() == "49%"


def test_a_killed_job_keeps_what_it_printed(shared: Runner) -> None:
    start(
        shared,
        "kill-1",
        notebook("print('first')", "import time; print('second', flush=True); time.sleep(60)"),
    )
    path = shared.directory("kill-1") / "outputs" / "train.ipynb"
    wait_for(lambda: path.exists() and "second\\n" in path.read_text(), "the saved notebook")
    shared.link.send(op="stop", name="kill-1", grace_s=0, reason="stopped_by_user")
    assert shared.end("kill-1")["reason"] == "stopped_by_user"
    assert output(shared, "kill-1").cells[0].outputs[0].text == "first\n"


def test_a_stopped_notebook_ends_in_good_order(shared: Runner) -> None:
    start(shared, "stop-1", notebook("import time; print('on', flush=True); time.sleep(60)"))
    shared.link.until("log", "stop-1")
    shared.link.send(op="stop", name="stop-1", grace_s=20, reason="stopped_by_user")
    report = shared.end("stop-1")
    assert report["reason"] == "stopped_by_user"
    assert {each["path"] for each in report["outputs"]} == {"outputs/train.html", "outputs/train.ipynb"}
    assert output(shared, "stop-1").cells[0].outputs[0].text == "on\n"


def test_out_of_memory_still_saves_the_notebook(shared: Runner) -> None:
    cells = ("print('before')", "import time; x = bytearray(600 * 1024 * 1024); time.sleep(60)")
    report = run(shared, "mem-1", notebook(*cells), memory_bytes=500 << 20)
    assert report["reason"] == "out_of_memory"
    assert "limit of 500.0 MiB" in report["message"]
    assert output(shared, "mem-1").cells[0].outputs[0].text == "before\n"


def test_a_warm_kernel_serves_one_job(shared: Runner) -> None:
    pids = set()
    for number in range(2):
        wait_until_warm(shared)
        waiting = {kernel for pid in executors(shared) for kernel in children(pid)}
        cell = "import os; print('x' in globals(), os.getpid(), os.environ['HIMALIA_WORKLOAD']); x = 1"
        report = run(shared, f"warm{number}-1", notebook(cell))
        assert report["exit_code"] == 0
        assert report["usage"]["cpu_s"] < 1  # what it took to become warm is not counted
        fresh, pid, name = shared.logs[f"warm{number}-1"].split()
        assert (fresh, name) == ("False", f"warm{number}")
        assert int(pid) in waiting
        pids.add(pid)
    assert len(pids) == 2


def test_a_variable_that_counts_at_start_needs_a_new_kernel(shared: Runner) -> None:
    environment = {"PYTHONHASHSEED": "7"}
    wait_until_warm(shared)
    report = run(shared, "seed-1", notebook("print(hash('x'))"), environment=environment)
    assert report["exit_code"] == 0
    command = [sys.executable, "-c", "print(hash('x'))"]
    assert (
        shared.logs["seed-1"]
        == subprocess.run(command, env=environment, capture_output=True, text=True).stdout
    )


def test_warm_kernels_end_when_idle(make_runner: MakeRunner) -> None:
    runner = make_runner("--warm-idle", "3")
    run(runner, "a-1", b"not even a notebook")
    wait_for(lambda: len(executors(runner)) == 1, "a warm executor")
    wait_for(lambda: not executors(runner), "its end")
