"""Notebooks of one group, which follow each other in a kernel that is cleared in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from notebook_harness import executors, notebook, output, run, start
from processes import kill
from runner_harness import Runner, is_alive, wait_for

MakeRunner = Callable[..., Runner]

_PID = "import os; print(os.getpid())"
_LOOK = """
import asyncio, logging, os, sys, signal, warnings
import himalia.run as run
look = {
    "names": sorted(name for name in globals() if not name.startswith("_")),
    "out": len(Out), "in": len(In), "prompt": get_ipython().execution_count,
    "directory": os.getcwd(), "path": sys.path[:], "variables": sorted(os.environ), "number": os.environ["NUMBER"],
    "part": sys.modules.get("part") and sys.modules["part"].__file__,
    "handlers": len(logging.root.handlers), "filters": len(warnings.filters),
    "alarm": str(signal.getsignal(signal.SIGALRM)), "stdout": type(sys.stdout).__name__,
    "future": get_ipython().compile.flags, "printers": len(get_ipython().events.callbacks["post_run_cell"]),
    "stop": run.should_stop(), "pid": os.getpid(),
}
"""
_MESS = """
from __future__ import annotations
import io, logging, os, signal, sys, warnings
sys.path.insert(0, "elsewhere"); os.environ["LEFT"] = "1"; del os.environ["NUMBER"]; os.chdir("/")
logging.basicConfig(filename=os.environ["HIMALIA_DIRECTORY"] + "/outputs/log.txt", level=logging.DEBUG)
logging.getLogger("named").addHandler(logging.FileHandler(os.environ["HIMALIA_DIRECTORY"] + "/named.txt"))
logging.getLogger("named").error("an error")
warnings.simplefilter("ignore"); signal.signal(signal.SIGALRM, lambda *_: None)
get_ipython().events.register("post_run_cell", lambda result: print("after a cell"))
get_ipython().ast_node_interactivity = "all"
kept_open = open(os.environ["HIMALIA_DIRECTORY"] + "/outputs/open.txt", "w"); kept_open.write("not closed")
large = bytearray(300 * 1024 * 1024); stdout, sys.stdout = sys.stdout, io.StringIO()
"""


@pytest.fixture(scope="module")
def shared() -> Any:
    runner = Runner("--warm", "0")
    yield runner
    runner.close()


def _kernel(runner: Runner, name: str, *cells: str, group: str, **fields: Any) -> int:
    """The kernel's pid, which is the first line that the notebook prints."""
    run(runner, name, notebook(_PID, *cells), kernel_group=group, **fields)
    return int(runner.logs[name].split()[0])


def test_the_next_notebook_finds_a_kernel_like_new(shared: Runner) -> None:
    looks, reports = [], []
    for number in (1, 2):
        name = f"clean{number}-1"
        cells = [
            _LOOK + "\nimport json; print(json.dumps(look))",
            "import part; part.count += 1; assert part.count == 1; run.log('loss', 0.5)",
            "1 + 1",
            *([_MESS] if number == 1 else []),
        ]
        fields = {"secret_environment": {"ONLY_HERS": "hunter2-secret"}} if number == 1 else {}
        fields["environment"] = {"NUMBER": str(number)}
        beside = {"part.py": "count = 0"}
        start(shared, name, notebook(*cells), kernel_group="clean", beside=beside, **fields)
        items = shared.link.until("metrics", name)["items"]
        if number == 1:
            shared.link.send(op="should_stop", names=[name])
        report = shared.end(name)
        assert (report["reason"], report["message"]) == (None, None)
        assert [item[:3] for item in items] == [["loss", 0, 0.5]]
        reports.append(report)
        looks.append(json.loads(shared.api.outputs[name[:-2], "outputs/train.ipynb"])["cells"][0]["outputs"])
    first, second = (json.loads("".join(outputs[0]["text"])) for outputs in looks)
    assert first["pid"] == second["pid"]
    assert second["directory"] == str(shared.directory("clean2-1"))
    assert second["variables"] == [name for name in first["variables"] if name != "ONLY_HERS"]
    for look, number in ((first, 1), (second, 2)):
        assert look.pop("number") == str(number)
        del look["directory"], look["variables"]
    assert first == second
    stored = shared.api.outputs
    assert stored["clean1", "outputs/open.txt"] == b"not closed"
    assert [cell.execution_count for cell in output(shared, "clean2-1").cells] == [1, 2, 3]
    before, after = (report["usage"]["max_memory_bytes"] for report in reports)
    assert before > 300 * 2**20 > 250 * 2**20 > after
    assert reports[1]["usage"]["cpu_s"] < 5


def test_what_each_prints_is_its_own(shared: Runner) -> None:
    """Also what is written to the descriptors themselves, and much of it."""
    cell = "import os\nfor n in range(2000): os.write(1, b'{0} %d\\n' % n)\nprint('{0} end')"
    for number in range(4):
        run(shared, f"own{number}-1", notebook(cell.replace("{0}", str(number))), kernel_group="own")
        lines = shared.logs[f"own{number}-1"].splitlines()
        assert {line.split()[0] for line in lines} == {str(number)}
        assert len(lines) == 2001


def test_each_of_those_that_run_at_once_has_its_own(shared: Runner) -> None:
    script = "import time, pathlib\nwhile not pathlib.Path('../go').exists(): time.sleep(0.01)"
    (shared.folder / "w" / "go").unlink(missing_ok=True)
    for name in ("one-1", "two-1"):
        start(shared, name, notebook(_PID, script), kernel_group="both")
        shared.link.until("log", name)
    (shared.folder / "w" / "go").touch()
    ended: set[str] = set()
    while len(ended) < 2:
        report = shared.link.read()
        assert report is not None
        ended |= {report["name"]} if report["op"] == "ended" else set()
    pids = {int(output(shared, name).cells[0].outputs[0].text.split()[0]) for name in ended}
    assert len(pids) == 2
    assert _kernel(shared, "three-1", group="both") in pids
    assert _kernel(shared, "other-1", group="another") not in pids
    assert _kernel(shared, "hash-1", group="both", environment={"PYTHONHASHSEED": "1"}) not in pids


NOT_KEPT = {
    "failed": "1 / 0",
    "died": "os._exit(0)",
    "exit_handlers": "import atexit; atexit.register(lambda: open('outputs/left', 'w').close())",
    "thread": "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "task": "import asyncio; kept = asyncio.create_task(asyncio.sleep(60))",
    "child": "import subprocess; kept = subprocess.Popen(['sleep', '60'])",
    "large": "import himalia; himalia.large = bytearray(300 * 1024 * 1024)",
}


@pytest.mark.parametrize("what", NOT_KEPT)
def test_a_kernel_that_cannot_be_cleared_ends(shared: Runner, what: str) -> None:
    pid = _kernel(shared, f"{what}-1", NOT_KEPT[what], group=what, memory_bytes=500 << 20)
    assert not is_alive(pid)
    if what == "exit_handlers":
        assert (what, "outputs/left") in shared.api.outputs


def test_what_was_left_behind_has_ended_before_the_end_is_told(shared: Runner) -> None:
    cell = "import subprocess; print(subprocess.check_output('setsid sleep 60 > /dev/null & echo $!', shell=True))"
    pid = _kernel(shared, "behind-1", cell, group="behind")
    assert not is_alive(int(shared.logs["behind-1"].split("'")[1].removesuffix("\\n")))
    assert _kernel(shared, "behind-2", group="behind") == pid


def test_the_processes_that_a_pool_keeps_end_with_the_notebook(shared: Runner) -> None:
    cell = """
from multiprocessing import Pool, resource_tracker, shared_memory
with Pool(2) as pool: print(sum(pool.map(abs, range(-100, 0))))
memory = shared_memory.SharedMemory(create=True, size=100); memory.close(); memory.unlink()
print(resource_tracker._resource_tracker._pid)
"""
    pid = _kernel(shared, "pool-1", cell, group="pool")
    _, result, tracker = shared.logs["pool-1"].split()
    assert result == "5050"
    assert not is_alive(int(tracker))
    assert _kernel(shared, "pool-2", cell, group="pool") == pid
    assert shared.logs["pool-2"].split()[1] == "5050"


def test_a_stopped_notebook_leaves_no_kernel(shared: Runner) -> None:
    start(shared, "stop-1", notebook(_PID, "import time; time.sleep(60)"), kernel_group="stop")
    pid = int(shared.link.until("log", "stop-1")["text"])
    shared.link.send(op="stop", name="stop-1", grace_s=20, reason="stopped_by_user")
    assert shared.end("stop-1")["reason"] == "stopped_by_user"
    assert not is_alive(pid)
    assert _kernel(shared, "stop-2", group="stop") != pid


def test_kept_kernels_end_when_idle_and_a_killed_one_is_replaced(make_runner: MakeRunner) -> None:
    runner = make_runner("--warm", "0", "--warm-idle", "3")
    pid = _kernel(runner, "a-1", group="a")
    kill(pid)
    wait_for(lambda: not executors(runner), "the executor to notice")
    pid = _kernel(runner, "a-2", group="a")
    assert executors(runner)
    wait_for(lambda: not executors(runner), "its end")
    assert not is_alive(pid)


def test_a_new_runner_ends_what_a_killed_one_kept(make_runner: MakeRunner) -> None:
    runner = make_runner("--warm", "0")
    pid = _kernel(runner, "a-1", group="a")
    kept = executors(runner)
    runner.kill()
    runner.launch()
    wait_for(lambda: not any(map(is_alive, [pid, *kept])), "the kept kernel's end")
    assert _kernel(runner, "b-1", group="a") != pid
