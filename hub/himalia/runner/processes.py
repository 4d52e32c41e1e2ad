"""Process trees, read from ``/proc`` (proc(5)) and ended for certain.

The runner is a child subreaper (prctl(2)): whatever a workload leaves behind, even after a double fork and
``setsid``, becomes the runner's own child and so stays findable.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from typing import Iterable, List, Optional, Set

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")
_PASSES = 20

#: Every process that the runner starts carries this variable, and hands it to its children.
MARK = "HIMALIA_MARK"


def _prctl(option: int, value: int) -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(option, value, 0, 0, 0) == 0)


def become_subreaper() -> bool:
    """Make orphaned descendants children of this process; false where the kernel refuses."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def hide_memory() -> bool:
    """Keep processes of the same user from reading this one's memory, and with it the token."""
    return _prctl(_PR_SET_DUMPABLE, 0)


def die_with_parent() -> bool:
    """End this process with SIGKILL when its parent ends."""
    return _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _read(path: str) -> bytes:
    """The whole of a small file in ``/proc``, empty once its process is gone."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 1 << 20)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


def children(pid: int) -> List[int]:
    """The living and unreaped children of every thread of ``pid``."""
    single = f"/proc/{pid}/task"
    try:
        threads = os.listdir(single)
    except OSError:
        return []
    found: List[int] = []
    for thread in threads:
        found.extend(map(int, _read(f"{single}/{thread}/children").split()))
    return found


def own_children() -> List[int]:
    """The children of this single-threaded process."""
    pid = os.getpid()
    return [int(word) for word in _read(f"/proc/{pid}/task/{pid}/children").split()]


def tree(roots: Iterable[int]) -> List[int]:
    """``roots`` and all their descendants, parents before children."""
    found = list(roots)
    for pid in found:
        found.extend(children(pid))
    return found


def send(pid: int, number: int) -> None:
    """Send a signal to ``pid``, which may be gone or, after a change of user, not ours to signal."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def terminate_tree(roots: Iterable[int]) -> None:
    """SIGTERM to ``roots`` and all their descendants."""
    for pid in reversed(tree(roots)):
        send(pid, signal.SIGTERM)


def kill_tree(roots: Iterable[int], spare: Optional[int] = None) -> None:
    """SIGKILL to ``roots`` and all their descendants, but not to ``spare`` itself.

    The tree is halted first, until a pass finds no new process: a program that forks faster than it can be
    listed would otherwise outrun the kill.
    """
    roots = list(roots)
    halted: Set[int] = set()
    for _ in range(_PASSES):
        fresh = [pid for pid in tree(roots) if pid not in halted and pid != spare]
        if not fresh:
            break
        for pid in fresh:
            send(pid, signal.SIGSTOP)
        halted.update(fresh)
    for pid in halted:
        send(pid, signal.SIGKILL)


def has_ended(pid: int) -> bool:
    """Whether ``pid`` is gone, or a zombie that computes and writes no more (proc(5), state)."""
    return _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()[:1] in ([], [b"Z"], [b"X"])


def end_marked(prefix: str, patience_s: float) -> None:
    """:func:`kill_tree` for all whose mark begins with ``prefix``, and wait until they have ended.

    A process that the kernel cannot end within ``patience_s``, for instance in a dead network mount, is left to it.
    """
    until = time.monotonic() + patience_s
    left: Set[int] = set()
    while time.monotonic() < until:
        found = marked(prefix)
        kill_tree(found)
        left = {pid for pid in left.union(found) if not has_ended(pid)}
        if not left:
            return
        time.sleep(0.005)


def mark_of(pid: int) -> Optional[str]:
    """The value of :data:`MARK` in the environment that ``pid`` was started with."""
    prefix = MARK.encode() + b"="
    for entry in _read(f"/proc/{pid}/environ").split(b"\0"):
        if entry.startswith(prefix):
            return os.fsdecode(entry[len(prefix) :])
    return None


def marked(prefix: str) -> List[int]:
    """All processes but this one whose mark begins with ``prefix``."""
    own = os.getpid()
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if pid != own and (mark_of(pid) or "").startswith(prefix)]


def session(pid: int) -> int:
    """The session of ``pid``, 0 once it is gone."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0


def cpu_seconds(pid: int) -> float:
    """Processor time of ``pid`` so far, with the children that it has waited for (proc(5), fields 14 to 17)."""
    fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
    return sum(map(int, fields[11:15])) / _TICKS


def peak_bytes(pid: int) -> int:
    """The most resident memory that ``pid`` has had, since :func:`forget_peak` if that was called."""
    for line in _read(f"/proc/{pid}/status").splitlines():
        if line.startswith(b"VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def forget_peak(pid: int) -> None:
    """Have the peak of ``pid`` counted from now on, where the kernel can do that (proc(5), clear_refs)."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/clear_refs", "wb") as stream:
        stream.write(b"5")


def resident_bytes(pid: int) -> int:
    """Resident memory of ``pid``, shared pages included; 0 once it is gone."""
    words = _read(f"/proc/{pid}/statm").split()
    return int(words[1]) * _PAGE if len(words) > 1 else 0


def proportional_bytes(pid: int) -> int:
    """Memory of ``pid`` with shared pages divided by their users (PSS), or what is resident."""
    for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return resident_bytes(pid)


def kernel_oom_kills() -> int:
    """How often the kernel has killed for want of memory: in this process's control group where its counter is seen
    here, as in a container, else anywhere on this machine (Linux 4.13)."""
    inside = group_oom_kills()
    return inside if inside is not None else _oom_kills("/proc/vmstat") or 0


def group_oom_kills() -> Optional[int]:
    """The same of this process's control group alone; None where its counter is not seen, as in a sandbox."""
    counts = (_oom_kills(counter) for counter in _group_counters())
    return next((count for count in counts if count is not None), None)


def _oom_kills(counter: str) -> Optional[int]:
    for line in _read(counter).splitlines():
        if line.startswith(b"oom_kill "):
            return int(line.split()[1])
    return None


def _group_counters() -> List[str]:
    """Where this process's memory control group may be found (cgroups(7)); a container sees its own as the root."""
    mount, group = "/sys/fs/cgroup", ""
    for line in os.fsdecode(_read("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return [f"{mount}/memory{where}/memory.oom_control" for where in (path.rstrip("/"), "")]
        if not controllers:
            group = path.rstrip("/")
    return [f"{mount}{where}/memory.events" for where in (group, "")]
