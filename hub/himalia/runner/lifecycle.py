"""From the acceptance of a workload to its final report.

A workload moves down the list of :class:`~himalia.runner.workload.State`. The process identities that the runner
knows are: each workload's own process, helpers (forked for slow work), idle executors, and orphans: whatever
else is a child of this process was left behind by a workload and is told apart by its session and its mark.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from functools import partial
from typing import Any, Callable, Dict, List, Optional, Tuple

from himalia.runner import limits, lines, outcome, outputs, prepare, processes, spawn
from himalia.runner.api import Api
from himalia.runner.helpers import Helpers, Remover
from himalia.runner.journal import Journal
from himalia.runner.lines import ProtocolError
from himalia.runner.loop import Loop
from himalia.runner.settings import Settings
from himalia.runner.supply import Supply
from himalia.runner.task import BadTask, Task
from himalia.runner.workload import State, Workload

_READ_BYTES = 1 << 16
#: One reading turn of one pipe, so that a loud workload does not starve the others.
_READS_PER_TURN = 16
_SETTLE_S = 0.05
_LEFTOVERS_S = 10.0


class Lifecycle:
    """All workloads of this runner. ``changed`` holds those that may have something to report."""

    def __init__(self, loop: Loop, settings: Settings, journal: Journal, runner: str) -> None:
        self.workloads: Dict[str, Workload] = {}
        self.changed: Dict[str, Workload] = {}
        self.drain_run_socket: Callable[[], None] = lambda: None
        self.tell_should_stop: Callable[[str], None] = lambda name: None
        self.subreaper = processes.become_subreaper()
        self._loop = loop
        self._settings = settings
        self._journal = journal
        self._runner = runner
        self._marks = 0
        self._accepted: List[Workload] = []
        self._active: Dict[str, Workload] = {}
        self._by_pid: Dict[int, Workload] = {}
        self._followers: Dict[str, List[Workload]] = {}
        self._ready: List[Workload] = []
        self._settling: List[Workload] = []
        self._impatient: Dict[str, Tuple[float, str]] = {}
        self._helpers = Helpers(loop)
        self._remover = Remover(self._helpers)
        self._oom = limits.OomWatch()
        self._private = _private_folder(settings.state)
        self._supply = Supply(loop, settings, self._new_mark, self._private)
        for folder in ("logs", "metrics"):
            os.makedirs(os.path.join(settings.state, folder), 0o700, exist_ok=True)

    # What the service asks.

    @property
    def running(self) -> List[str]:
        """The names that have no final report yet."""
        return [workload.name for workload in (*self._accepted, *self._active.values())]

    @property
    def idle(self) -> bool:
        """Whether no workload is anywhere between acceptance and its final report."""
        return not (self._active or self._accepted or self._remover.busy)

    def recover(self) -> None:
        """Take over from the journal: end what earlier runners left, and report how everything ended."""
        for runner in self._journal.runners:
            processes.end_marked(runner + ".", _LEFTOVERS_S)
        for name, directory in list(self._journal.started.items()):
            workload = Workload(name, directory, self._settings.state)
            workload.log.adopt()
            workload.verdict = ("lost", "The runner that held it ended before it.")
            self.workloads[name] = workload
            self._end(workload, [], None)
        for name, (directory, report) in self._journal.ended.items():
            if name not in self.workloads:
                workload = self.workloads[name] = Workload(name, directory, self._settings.state)
                workload.log.adopt()
                workload.end(report)
                self.changed[name] = workload

    def accept(self, name: str, data: object, after: Optional[str]) -> None:
        """Take a workload in; it begins at the next :meth:`begin_accepted`. A known name is reported again."""
        known = self.workloads.get(name)
        if known is not None:
            known.repeat()
            self.changed[name] = known
            return
        try:
            task = Task.parse(data)
        except BadTask as error:
            workload = self.workloads[name] = Workload(name, "", self._settings.state)
            self._fail(workload, error)
            return
        workload = self.workloads[name] = Workload(name, task.directory, self._settings.state, task)
        workload.after = after
        self._journal.start(name, task.directory)
        self._accepted.append(workload)

    def begin_accepted(self) -> None:
        """Begin what was accepted, after it has been written to the journal."""
        accepted, self._accepted = self._accepted, []
        if accepted:
            self._journal.flush()
        for workload in accepted:
            self._active[workload.name] = workload
            leader = self._active.get(workload.after) if workload.after else None
            if leader is not None and leader is not workload:
                self._followers.setdefault(leader.name, []).append(workload)
            else:
                self._ready.append(workload)
        self.begin_ready()

    def begin_ready(self) -> None:
        """Begin those that waited for another one which has ended."""
        while self._ready:
            self._begin(self._ready.pop(0))

    def stop(self, name: str, grace_s: float, reason: str) -> None:
        """End a workload; its final report carries ``reason``. One that is not known counts as ended so."""
        workload = self.workloads.get(name)
        if workload is None:
            workload = self.workloads[name] = Workload(name, "", self._settings.state)
            workload.verdict = (reason, "It was not running here.")
            self._end(workload, [], None)
        elif workload.state in (State.WAITING, State.PREPARING):
            workload.verdict = (reason, "It was stopped before it began.")
            self._abandon(workload)
        elif workload.runs:
            limits.end(workload, reason, "It was stopped.", grace_s, self._roots(workload), time.monotonic())
        elif workload.state is State.STORING:
            self._impatient[name] = (time.monotonic() + grace_s, reason)

    def recall(self, names: List[str]) -> None:
        """End those that still wait to begin, as if they had never been handed over; the others go on."""
        for name in names:
            workload = self.workloads.get(name)
            if workload is not None and workload.state is State.WAITING:
                workload.verdict = ("recalled", "It was taken back before it began.")
                self._abandon(workload)

    def stop_all(self, grace_s: float, reason: str) -> None:
        """Stop everything that has not ended."""
        for name in self.running:
            self.stop(name, grace_s, reason)

    def forget(self, names: List[str]) -> None:
        """Drop what is remembered of ended workloads, and delete their working folders."""
        for name in names:
            workload = self.workloads.get(name)
            if workload is None or not workload.ended:
                continue
            del self.workloads[name]
            self.changed.pop(name, None)
            self._journal.forget(name)
            workload.log.remove()
            workload.metrics.remove()
            if workload.directory:
                self._remover.remove(workload.directory)

    def should_stop(self, names: List[str]) -> None:
        """Hand on the service's wish that these should stop to their code."""
        for name in names:
            workload = self.workloads.get(name)
            if workload is not None:
                workload.should_stop = True
                self.tell_should_stop(name)

    def find_running(self, name: str) -> Optional[Workload]:
        """The workload of this name whose processes may still speak, or None."""
        workload = self._active.get(name)
        return workload if workload is not None and workload.state in (State.RUNNING, State.ENDING) else None

    def note(self, workload: Workload) -> None:
        """There may be something to report about ``workload``."""
        self.changed[workload.name] = workload

    def close(self) -> None:
        """End every process that is still there."""
        processes.kill_tree(processes.own_children())
        shutil.rmtree(self._private, ignore_errors=True)

    # What time brings.

    def tick(self, now: float) -> Optional[float]:
        """Do what is due; answer when to call again, in monotonic seconds, or None."""
        for workload in list(self._by_pid.values()):
            limits.enforce(workload, now, partial(self._roots, workload))
        self._settle_all()
        self._stop_storing(now)
        self.begin_ready()
        if self._active:
            self._oom.sample(now)
        executors_at = self._supply.tick(now, busy=not self.idle)
        look_at = limits.next_look(self._by_pid.values())
        times = [time for time in (look_at, executors_at) if time is not None]
        times += [deadline for deadline, _ in self._impatient.values()]
        if self._settling:
            times.append(now + _SETTLE_S)
        return min(times, default=None)

    def reap(self) -> None:
        """Attend to every child that has ended."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                pid = 0
            if not pid:
                break
            self._helpers.reaped(pid)
            workload = self._by_pid.pop(pid, None)
            if workload is not None:
                self._main_ended(workload, status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)
            else:
                self._supply.reaped(pid)  # before it could be given to the next notebook
        self._settle_all()
        self.begin_ready()

    # Beginning.

    def _begin(self, workload: Workload) -> None:
        task = workload.task
        assert task is not None
        try:
            prepare.make_directory(task)
        except BadTask as error:
            self._fail(workload, error)
            return
        if task.snapshot:
            workload.state = State.PREPARING
            api = self._api(workload)
            fetch = partial(prepare.fetch_snapshot, task, api)
            try:
                workload.helper = self._helpers.start(fetch, partial(self._fetched, workload))
            except OSError as error:
                self._fetched(workload, {"error": error.strerror})
        else:
            self._launch(workload)

    def _fetched(self, workload: Workload, result: Dict[str, Any]) -> None:
        workload.helper = None
        if workload.verdict is not None:
            self._end(workload, [], None)
        elif result:
            message = (
                result.get("message") or f"The code snapshot could not be fetched: {result.get('error')}"
            )
            self._fail(workload, BadTask(message))
        else:
            self._launch(workload)

    def _launch(self, workload: Workload) -> None:
        task = workload.task
        assert task is not None
        try:
            prepare.link_inputs(task)
            secrets_folder = os.path.join(self._private, workload.name)
            if task.secret_files:
                workload.secrets_folder = secrets_folder
                prepare.write_secrets(task, secrets_folder)
            environment = prepare.environment(
                task, workload.name, self._settings.run_socket, self._settings.api, secrets_folder
            )
            if task.kind == "notebook":
                self._launch_notebook(workload, task, environment)
            else:
                self._launch_program(workload, task, environment)
        except BadTask as error:
            self._fail(workload, error)
            return
        except OSError as error:
            self._fail(workload, prepare.not_started(error))
            return
        limits.arm(workload, time.monotonic())
        self.changed[workload.name] = workload

    def _launch_program(self, workload: Workload, task: Task, environment: Dict[str, str]) -> None:
        arguments = task.program()
        if task.python and not os.access(task.python, os.X_OK):
            raise BadTask(f"The environment's interpreter {task.python} is not there.", "environment_missing")
        program = spawn.find_program(arguments[0], environment, task.directory)
        if program is None:
            raise BadTask(f"The command {arguments[0]!r} is not there, or cannot be executed.")
        mark = environment[processes.MARK] = self._new_mark()
        reading, writing = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(reading, False)
        try:
            pid = spawn.spawn(program, arguments, environment, task.directory, writing)
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._started(workload, pid, mark, reading)

    def _launch_notebook(self, workload: Workload, task: Task, environment: Dict[str, str]) -> None:
        at_once = 1 + sum(one.executor is not None for one in self._by_pid.values())
        executor = self._supply.begin(workload, task, environment, at_once)
        workload.executor = executor
        self._loop.watch(executor.control, partial(self._hear, workload))
        self._started(workload, executor.pid, executor.mark, executor.output)

    def _started(self, workload: Workload, pid: int, mark: str, pipe: int) -> None:
        workload.started(pid, mark)
        workload.pipe = pipe
        self._by_pid[pid] = workload
        self._loop.watch(pipe, partial(self._read_output, workload))

    def _new_mark(self) -> str:
        self._marks += 1
        return f"{self._runner}.{self._marks}."

    def _api(self, workload: Workload) -> Api:
        task = workload.task
        assert task is not None
        identity = task.environment.get("HIMALIA_WORKLOAD") or workload.name.rpartition("-")[0]
        return Api(self._settings.api, identity, task.token)

    # While it runs.

    def _read_output(self, workload: Workload, everything: bool = False) -> None:
        assert workload.pipe is not None
        turns = 0
        while everything or turns < _READS_PER_TURN:
            turns += 1
            try:
                data = os.read(workload.pipe, _READ_BYTES)
            except BlockingIOError:
                break
            if not data:
                self._close_pipe(workload)
                break
            workload.log.write(data)
        self.changed[workload.name] = workload

    def _close_pipe(self, workload: Workload) -> None:
        if workload.pipe is not None:
            self._loop.unwatch(workload.pipe)
            os.close(workload.pipe)
            workload.pipe = None

    def _hear(self, workload: Workload, everything: bool = False) -> None:
        if workload.executor is None or workload.executor.control.closed:
            return
        control = workload.executor.control
        kept = False
        try:
            messages = control.receive_all() if everything else control.receive()
        except ProtocolError:
            control.closed, messages = True, []
        control.flush()
        for message in messages:
            if message.get("op") == "progress":
                workload.progress(message["data"])
                self.changed[workload.name] = workload
            elif message.get("op") == "result":
                workload.result = (message["reason"], message["message"])
                kept = message["kept"]
        if control.closed:
            self._loop.unwatch(control)
            return
        if kept and workload.runs:
            self._keep_or_end(workload)
        self._loop.watch_writing(control, control.waiting > 0)

    def _keep_or_end(self, workload: Workload) -> None:
        """The notebook has ended, and its executor waits with a cleared kernel."""
        executor = workload.executor
        assert executor is not None
        if workload.verdict is None and self._supply.may_keep(workload):
            del self._by_pid[executor.pid]
            workload.keeps_executor = True
            used = sum(map(processes.cpu_seconds, executor.pids))
            self._main_ended(workload, 0, used, max(map(processes.peak_bytes, executor.pids)))
        else:
            executor.control.send({"op": "end"})  # and its end leads on

    def _roots(self, workload: Workload) -> List[int]:
        """The tops of the process trees of a running workload."""
        own = [workload.pid] if workload.pid in self._by_pid and workload.pid is not None else []
        return own + self._orphans(workload)

    def _orphans(self, workload: Workload) -> List[int]:
        """What the workload's processes left to this one, or to init where this is no subreaper."""
        if not self.subreaper:
            return [pid for pid in processes.marked(workload.mark) if not self._is_known(pid)]
        return [pid for pid in processes.own_children() if self._is_orphan(pid, workload)]

    def _is_known(self, pid: int) -> bool:
        """Whether ``pid`` is what it should be."""
        kept = (one.executor.pids for one in self._settling if one.executor and one.keeps_executor)
        return (
            pid in self._by_pid
            or pid in self._helpers
            or self._supply.holds(pid)
            or any(pid in pids for pids in kept)
        )

    def _is_orphan(self, pid: int, workload: Workload) -> bool:
        if self._is_known(pid):
            return False
        if processes.session(pid) == workload.pid:
            return True
        mark = processes.mark_of(pid)
        if mark is not None:
            return mark == workload.mark
        # It has hidden where it comes from: it belongs to the only one that it can be from.
        return all(one is workload for one in (*self._by_pid.values(), *self._settling))

    # Ending.

    def _main_ended(self, workload: Workload, status: int, cpu_s: float, peak_bytes: int) -> None:
        """Its own process has ended, or is not its own any more."""
        workload.status = status
        workload.state = State.ENDING
        self._settling.append(workload)
        workload.wall_s = time.monotonic() - workload.began
        workload.cpu_s = max(cpu_s - workload.cpu_before_s, 0.0)
        workload.max_memory_bytes = max(workload.max_memory_bytes, peak_bytes)

    def _settle_all(self) -> None:
        """Kill what ended workloads left behind, and lead those on that left nothing."""
        if not self._settling:
            return
        quiet: List[Workload] = []
        for workload in self._settling:
            left = self._orphans(workload)
            processes.kill_tree(left)
            if not left:
                quiet.append(workload)
        self._settling = [workload for workload in self._settling if workload not in quiet]
        if quiet:
            self.drain_run_socket()
        for workload in quiet:
            self._settle(workload)

    def _settle(self, workload: Workload) -> None:
        """Take in the last that its processes, all gone now, have said; then store its outputs."""
        if workload.pipe is not None:
            self._read_output(workload, everything=True)
        self._hear(workload, everything=True)
        self._part_from_executor(workload)
        self._close_pipe(workload)
        if not (workload.declared or outputs.any_files(workload.directory)):
            self._end(workload, [], None)
            return
        workload.state = State.STORING
        upload = partial(outputs.upload, workload.directory, workload.declared, self._api(workload))
        try:
            workload.helper = self._helpers.start(upload, partial(self._stored, workload))
        except OSError as error:
            self._stored(workload, {"error": error.strerror})

    def _part_from_executor(self, workload: Workload) -> None:
        executor = workload.executor
        if executor is None:
            return
        if not executor.control.closed:
            self._loop.unwatch(executor.control)
        if workload.keeps_executor and workload.pipe is not None:
            self._loop.unwatch(workload.pipe)
            workload.pipe = None
            self._supply.keep(executor)
        else:
            executor.control.close()
            if workload.keeps_executor:  # it has died in between
                processes.kill_tree(processes.marked(executor.mark))
            shutil.rmtree(executor.folder, ignore_errors=True)

    def _stored(self, workload: Workload, result: Dict[str, Any]) -> None:
        workload.helper = None
        problem = result.get("message")
        if "error" in result:
            problem = f"The outputs could not be stored: {result['error']}"
        self._end(workload, result.get("outputs", []), problem)

    def _stop_storing(self, now: float) -> None:
        """Break off the storing of outputs that takes longer than the grace of a stop."""
        for name, (deadline, reason) in list(self._impatient.items()):
            workload = self.workloads.get(name)
            if workload is not None and workload.helper is not None:
                if now < deadline:
                    continue
                workload.verdict = workload.verdict or (reason, "It was stopped.")
                processes.kill_tree([workload.helper])
            del self._impatient[name]

    def _abandon(self, workload: Workload) -> None:
        """End a workload that has no process of its own yet."""
        if workload.helper is not None:
            processes.kill_tree([workload.helper])  # its end leads on
            return
        for waiting in (self._accepted, self._ready, self._followers.get(workload.after or "", [])):
            if workload in waiting:
                waiting.remove(workload)
        self._move_up_behind(workload)
        self._end(workload, [], None)

    def _move_up_behind(self, workload: Workload) -> None:
        """Who waits for a workload that never began waits for the one that it was waiting for."""
        for accepted in self._accepted:
            if accepted.after == workload.name:
                accepted.after = workload.after
        leader = self._active.get(workload.after) if workload.after else None
        if leader is not None and workload.state is State.WAITING:
            followers = self._followers.pop(workload.name, [])
            for follower in followers:
                follower.after = leader.name
            self._followers.setdefault(leader.name, []).extend(followers)

    def _fail(self, workload: Workload, error: BadTask) -> None:
        workload.verdict = workload.verdict or (error.reason, str(error))
        self._end(workload, [], None)

    def _end(self, workload: Workload, stored: List[Dict[str, Any]], problem: Optional[str]) -> None:
        """Make the final report and let followers begin."""
        exit_code, reason, message = outcome.of(workload, self._oom.killed)
        if problem is not None:
            reason, message = reason or "user_error", " ".join(filter(None, [message, problem]))
        if workload.secrets_folder:
            shutil.rmtree(workload.secrets_folder, ignore_errors=True)
        workload.log.close()
        report = {
            "op": "ended",
            "name": workload.name,
            "exit_code": exit_code,
            "reason": reason,
            "message": message,
            "usage": {
                "cpu_s": round(workload.cpu_s, 3),
                "max_memory_bytes": workload.max_memory_bytes,
                "wall_s": round(workload.wall_s, 3),
            },
            "outputs": stored,
            "log_bytes": workload.log.size,
            "log_dropped_bytes": workload.log.dropped,
        }
        workload.task = None
        line = lines.encode(report)
        workload.end(line)
        self._journal.end(workload.name, workload.directory, line)
        self._active.pop(workload.name, None)
        self.changed[workload.name] = workload
        self._ready += self._followers.pop(workload.name, [])


def _private_folder(state: str) -> str:
    """A new folder of this runner alone, in memory where possible; an earlier runner's is deleted."""
    os.makedirs(state, 0o700, exist_ok=True)
    note = os.path.join(state, "private-folder")
    if os.path.exists(note):
        with open(note, encoding="utf-8") as stream:
            shutil.rmtree(stream.read(), ignore_errors=True)
    folder = tempfile.mkdtemp(prefix="himalia-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    with open(note, "w", encoding="utf-8") as stream:
        stream.write(folder)
    return folder
