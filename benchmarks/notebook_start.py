"""Seconds of a notebook with one cell, against papermill and nbclient.

    python benchmarks/notebook_start.py [--rounds 5] [--json]

Himalia: a job submitted by the SDK, from the call until its end and its outputs are in the database, on a platform
started for this. It takes a kernel of the person's pool; a new one is waited for before the next round. `papermill`:
its command line, from start to end. `nbclient`: `NotebookClient.execute` and writing the notebook, in a process that
has imported everything. All three run the same notebook in the environment `base`, and the result is checked.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from _platform import (
    ENVIRONMENTS,
    Running,
    commands,
    database,
    fresh_home,
    processes,
    signed_in,
    wait_until_quiet,
)
from _report import Goal, Report, Series, options
from nbclient import NotebookClient

import himalia

ENVIRONMENT = "base"
KERNELS = ENVIRONMENTS / ENVIRONMENT / "share" / "jupyter"
LOOK_S = 0.002
LONGEST_S = 60
_CELL = "print(6 * 7)"
_EXECUTOR = "himalia.runner.notebook.executor"
_KERNEL = "ipykernel_launcher"
_ENDED = ("SUCCEEDED", "FAILED", "STOPPED")


def write_notebook(file: Path) -> None:
    """One cell, as Lab saves it."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(_CELL)])
    notebook.metadata["kernelspec"] = {
        "name": ENVIRONMENT,
        "display_name": ENVIRONMENT,
        "language": "python",
    }
    nbformat.write(notebook, file)


def result(notebook: Path, name: str) -> Path:
    """Where to put it: outside of the notebook's folder, which is the code that jobs are sent."""
    return notebook.parent.with_name(f"{name}.ipynb")


def check(file: Path) -> None:
    """Raises RuntimeError when the notebook in `file` has not run."""
    (cell,) = (cell for cell in nbformat.read(file, 4).cells if cell.cell_type == "code")
    if not cell.outputs or cell.outputs[0].get("text") != "42\n":
        raise RuntimeError(f"The cell has put out {cell.outputs}.")


def wait_for_warm_kernel(running: Running) -> None:
    """Return once an executor with its kernel is there and both have nothing left to do. Raises TimeoutError.

    An executor ends with the job that it served, so what is quiet after that is the next one, waiting.
    """
    deadline = time.monotonic() + LONGEST_S
    while True:
        known, lines = processes(running), commands()
        sandboxed = [lines.get(pid, []) for pid, name in known.items() if name == "sandbox"]
        if all(any(word in line for line in sandboxed) for word in (_EXECUTOR, _KERNEL)):
            wait_until_quiet(known)
            if processes(running).keys() == known.keys():
                return
        if time.monotonic() > deadline:
            raise TimeoutError(f"No kernel was warm after {LONGEST_S} s.")
        time.sleep(0.1)


def himalia_s(client: himalia.Client, stored: sqlite3.Connection, notebook: Path) -> float:
    """One round of ours."""
    begun = time.perf_counter()
    job = client.jobs.submit(notebook, profile="base")
    query = "SELECT state FROM workloads WHERE id = ?"
    while (state := stored.execute(query, (job.id,)).fetchone()[0]) not in _ENDED:
        time.sleep(LOOK_S)
        if time.perf_counter() - begun > LONGEST_S:
            raise TimeoutError(f"The job {job.name} has not ended after {LONGEST_S} s.")
    taken = time.perf_counter() - begun
    if state != "SUCCEEDED":
        raise RuntimeError(f"The job {job.name} is {state}: {client.jobs.get(job).status.message}")
    check(client.jobs.download(job, f"outputs/{notebook.name}", result(notebook, "himalia")))
    return taken


def papermill_s(notebook: Path) -> float:
    """One round of papermill's command line."""
    output = result(notebook, "papermill")
    program = Path(sys.executable).with_name("papermill")
    command = [str(program), str(notebook), str(output), "-k", ENVIRONMENT]
    begun = time.perf_counter()
    subprocess.run(command, capture_output=True, timeout=LONGEST_S, check=True)
    taken = time.perf_counter() - begun
    check(output)
    return taken


def nbclient_s(notebook: Path) -> float:
    """One round of nbclient in this process."""
    output = result(notebook, "nbclient")
    begun = time.perf_counter()
    content = nbformat.read(notebook, 4)
    NotebookClient(content, kernel_name=ENVIRONMENT).execute(
        cwd=str(notebook.parent), stderr=subprocess.DEVNULL
    )
    nbformat.write(content, output)
    taken = time.perf_counter() - begun
    check(output)
    return taken


def main() -> None:
    chosen = options(__doc__).parse_args()
    os.environ["JUPYTER_PATH"] = str(KERNELS)
    ours = Series("himalia")
    papermill = Series("papermill", Goal("at most", 0.2))
    nbclient = Series("nbclient", Goal("at most", 0.35))
    with (
        fresh_home() as running,
        signed_in(running.up()) as person,
        himalia.Client(running.url, person.token) as client,
        database(running) as stored,
        tempfile.TemporaryDirectory(prefix="nb", dir="/tmp") as folder,
    ):
        notebook = Path(folder, "code", "cell.ipynb")
        notebook.parent.mkdir()
        write_notebook(notebook)
        for number in range(chosen.rounds + 1):
            measured = {ours.name: himalia_s(client, stored, notebook)}
            wait_for_warm_kernel(running)
            measured |= {papermill.name: papermill_s(notebook), nbclient.name: nbclient_s(notebook)}
            # The first round starts the person's runner and fills the pool.
            for series in (ours, papermill, nbclient) if number else ():
                series.values.append(1000 * measured[series.name])
    Report("A notebook with one cell", "ms", ours, (papermill, nbclient)).show(chosen.json)


if __name__ == "__main__":
    main()
