"""Memory of an idle platform that has worked, with MLflow up and an endpoint that nobody calls.

    python benchmarks/memory_loop.py [--jobs 1000] [--wait-s 600] [--json]

As `memory.py`; before the wait, a small scikit-learn model is deployed and called once, and somebody looks at their
runs in MLflow, which is kept for longer than the wait.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import httpx
from _platform import ENVIRONMENTS, Person, Running, signed_in
from memory import parsed, show, wait, weigh, work
from version_change import MODELS

import himalia
from himalia.environments.local import create

GOAL_MB = 1000
EXPECTED = ("mlflow.server", "himalia.serving")


def use(person: Person, model: Path) -> None:
    """Deploy the model, call it, and ask MLflow for its experiments."""
    with himalia.Client(person.platform.url, person.token) as client:
        endpoint = client.endpoints.deploy(folder=model, name="iris", profile="scikit-learn").wait()
        endpoint.predict([[5.1, 3.5, 1.4, 0.2]])
    httpx.post(
        f"{person.platform.url}/services/himalia/mlflow/api/2.0/mlflow/experiments/search",
        headers={"Authorization": f"Bearer {person.token}", "X-MLFLOW-WORKSPACE": person.project},
        json={"max_results": 10},
        timeout=60,
    ).raise_for_status()


def main() -> None:
    chosen = parsed(__doc__)
    for name in ("base", "scikit-learn"):
        create(name, ENVIRONMENTS.parent)
    kept = {"HIMALIA_MLFLOW_IDLE_S": str(2 * chosen.wait_s + 900)}
    with tempfile.TemporaryDirectory(prefix="hml") as folder:
        python = ENVIRONMENTS / "scikit-learn" / "bin" / "python"
        subprocess.run([python, "-c", MODELS, folder], check=True, capture_output=True)
        with Running(("base", "scikit-learn"), **kept) as running, signed_in(running) as person:
            work(person, chosen.jobs)
            use(person, Path(folder) / "1")
            wait(chosen.wait_s)
            found = weigh(running)
    for program in EXPECTED:
        if not any(program in one["command"] for one in found):
            raise RuntimeError(f"{program} does not run: there is nothing to weigh.")
    title = f"Memory {chosen.wait_s:g} s after the last work, with MLflow up and an idle endpoint"
    show(title, found, GOAL_MB, chosen.json)


if __name__ == "__main__":
    main()
