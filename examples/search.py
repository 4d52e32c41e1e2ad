"""Search for the learning rate and the number of steps with which the line fits best."""

from pathlib import Path

import himalia

with himalia.Client() as client:
    search = client.experiments.search(
        script=Path(__file__).with_name("train.py"),
        profile="base",
        space={"rate": {"kind": "float", "low": 0.01, "high": 0.5, "log": True}, "steps": range(5, 41, 5)},
        metric="loss",
        trials=8,
        parallel=2,
        sampler={"kind": "tpe", "seed": 1},
        pruner="median",
    )
    search.wait()
    for trial in search.trials():
        print(f"{trial.number:3} {trial.state:9} {trial.value!s:22} {trial.parameters}")
    best = search.best()[0]
    print(f"best: {best.value:.4f} with {best.parameters}")
