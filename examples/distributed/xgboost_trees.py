"""Distributed XGBoost: each rank has its own rows, and all of them grow the same trees.

Rank 0 also runs XGBoost's tracker, by which the others find each other. Needs xgboost and numpy. Run it as a job with
`himalia jobs submit --replicas 2 --follow examples/distributed/xgboost_trees.py`.
"""

import os
import socket

import numpy as np
import xgboost
from xgboost import collective
from xgboost.tracker import RabitTracker

import himalia.run as run

rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
host, port = os.environ.get("MASTER_ADDR", "127.0.0.1"), int(os.environ.get("MASTER_PORT", "29500"))

tracker = None
if rank == 0:
    tracker = RabitTracker(n_workers=size, host_ip=socket.gethostbyname(host), port=port)
    tracker.start()

with collective.CommunicatorContext(
    dmlc_tracker_uri=host, dmlc_tracker_port=port, dmlc_task_id=str(rank), dmlc_retry=10
):
    random = np.random.default_rng(rank)
    x = random.uniform(-1, 1, (500, 3))
    rows = xgboost.DMatrix(x, label=2 * x[:, 0] - x[:, 1] ** 2)
    told = {}
    model = xgboost.train(
        {"tree_method": "hist", "max_depth": 3, "nthread": 1},
        rows,
        num_boost_round=20,
        evals=[(rows, "train")],
        evals_result=told,
        verbose_eval=False,
    )
    for step, value in enumerate(told["train"]["rmse"]):
        run.log("rmse", value, step)
    print(f"rank {collective.get_rank()} of {collective.get_world_size()}: rmse {told['train']['rmse'][-1]:.5f}")
    if rank == 0:
        os.makedirs("outputs", exist_ok=True)
        model.save_model("outputs/trees.json")
if tracker is not None:
    tracker.wait_for()
