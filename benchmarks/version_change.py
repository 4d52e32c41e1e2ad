"""Calls that fail while an endpoint changes its version: none should.

    python benchmarks/version_change.py [--seconds 60] [--rate 300] [--json]

An endpoint with scikit-learn's iris is called at a steady rate over 32 connections at the gateway's own address,
whatever the answers do. A quarter of the time in, it is updated to another version, and soon after rolled back.
It has no peer: the figure is a count.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from threading import Timer
from typing import Any

from _platform import ENVIRONMENTS, Person, Running, signed_in
from _report import at_least_one, number, options

import himalia
from himalia.environments.local import create

HERE = Path(__file__).parent
INPUT = {"shape": [1, 4], "datatype": "FP64", "data": [5.1, 3.5, 1.4, 0.2]}
MODELS = """
import sys
import mlflow.sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

rows, kinds = load_iris(return_X_y=True)
for number in (1, 2):
    model = LogisticRegression(C=number, max_iter=500).fit(rows, kinds)
    signature = infer_signature(rows, model.predict(rows))
    mlflow.sklearn.save_model(model, f"{sys.argv[1]}/{number}", signature=signature)
"""


def measure(person: Person, models: Path, seconds: int, rate: int) -> dict[str, Any]:
    """What the caller saw through an update and a way back."""
    with himalia.Client(person.platform.url, person.token) as client:
        endpoint = client.endpoints.deploy(folder=models / "1", name="iris", profile="scikit-learn")
        endpoint.wait()
        body = {"inputs": [{**INPUT, "name": endpoint.example().body["inputs"][0]["name"]}]}
        address, _, path = endpoint.direct_url.removeprefix("http://").partition("/")
        order = {"address": address, "path": f"/{path}/v2/models/iris/infer", "body": body}
        order |= {"token": endpoint.create_token().token, "connections": 32, "seconds": seconds, "rate": rate}

        def change() -> None:
            client.endpoints.update("iris", folder=models / "2").wait()
            time.sleep(seconds / 10)
            client.endpoints.rollback("iris").wait()

        changing = Timer(seconds / 4, change)
        changing.start()
        line = [sys.executable, str(HERE / "_calls.py")]
        done = subprocess.run(line, input=json.dumps(order), stdout=subprocess.PIPE, text=True, check=True)
        changing.join()
        served = {one.revision: one.requests for one in endpoint.metrics()}
        if len(served) != 2 or min(served.values()) < rate:
            raise RuntimeError(f"The versions did not change as they should: {served}")
        return {**json.loads(done.stdout), "by_revision": served}


def main() -> None:
    """The command line."""
    parser = options(__doc__, rounds=0)
    parser.add_argument("--seconds", type=at_least_one, default=60, help="how long it is called")
    parser.add_argument("--rate", type=at_least_one, default=300, help="calls a second")
    given = parser.parse_args()
    for name in ("base", "scikit-learn"):
        create(name, ENVIRONMENTS.parent)
    with tempfile.TemporaryDirectory(prefix="hvc") as folder:
        python = ENVIRONMENTS / "scikit-learn" / "bin" / "python"
        subprocess.run([python, "-c", MODELS, folder], check=True, capture_output=True)
        with Running(("base", "scikit-learn")) as running, signed_in(running) as person:
            found = measure(person, Path(folder), given.seconds, given.rate)
    if given.json:
        print(json.dumps(found, indent=1))
        return
    print(
        f"Through an update and a way back at {given.rate} calls/s for {given.seconds} s: "
        f"{found['failed']} of {found['calls']} calls failed, goal 0: {'missed' if found['failed'] else 'met'}"
    )
    if found["errors"]:
        print(f"  {found['errors']}")
    times = ", ".join(f"{name} {number(found[f'{name}_ms'])} ms" for name in ("p50", "p99", "longest"))
    print(f"  answered in {times}; by revision {found['by_revision']}")


if __name__ == "__main__":
    main()
