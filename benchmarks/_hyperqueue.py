"""The peer of `job_throughput.py`: HyperQueue's own engine in a process of its own.

    python benchmarks/_hyperqueue.py TASKS CORES FOLDER

Starts a local cluster in FOLDER and runs one job of `/bin/true` with its output in files. The last line printed is
`{"waited_s", "last_start_s", "cpu_s"}`, from submission. HyperQueue's client looks once a second whether the job has
ended, so `waited_s` is up to a second too long. `last_start_s` ends when the last task's output file was made, which
leaves out the end of that task: HyperQueue can be no faster than that.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from hyperqueue import Job, LocalCluster
from hyperqueue.cluster import WorkerConfig


def run(tasks: int, cores: int, folder: Path) -> dict[str, float]:
    """One cluster, one job. Raises RuntimeError when not every task has run."""
    outputs = folder / "outputs"
    outputs.mkdir()
    with LocalCluster(str(folder / "server"), WorkerConfig(cores=cores)) as cluster:
        client = cluster.client()
        warm_up = Job(default_workdir=str(folder))
        warm_up.program(["/bin/true"], stdout=str(folder / "o"), stderr=str(folder / "e"))
        client.wait_for_jobs([client.submit(warm_up)])
        job = Job(default_workdir=str(folder))
        for number in range(tasks):
            job.program(
                ["/bin/true"], stdout=str(outputs / f"{number}.o"), stderr=str(outputs / f"{number}.e")
            )
        cpu, begun, begun_at = _cpu_s(), time.perf_counter(), time.time()
        succeeded = client.wait_for_jobs([client.submit(job)])
        waited = time.perf_counter() - begun
        made = [file.stat().st_mtime for file in outputs.glob("*.o")]
        if not succeeded or len(made) != tasks:
            raise RuntimeError(f"HyperQueue ran {len(made)} of {tasks} tasks.")
        return {"waited_s": waited, "last_start_s": max(made) - begun_at, "cpu_s": _cpu_s() - cpu}


def _cpu_s() -> float:
    """This process, which is server and worker too, and the tasks that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    result = run(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
    print(json.dumps(result), flush=True)
    # The cluster's threads have nothing left to do, and can take seconds to find out.
    os._exit(0)
