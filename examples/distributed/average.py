"""Distributed gradient descent without any framework: each rank sees its own points, and gradients are averaged.

It finds the other ranks by the variables that torchrun sets, as PyTorch would. Run it as a job with
`himalia jobs submit --replicas 2 --follow examples/distributed/average.py`, or here, alone, with `python`.
"""

import json
import os
import random
import socket
import time

import himalia.run as run

rank, size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
meeting = os.environ.get("MASTER_ADDR", "127.0.0.1"), int(os.environ.get("MASTER_PORT", "29500"))


def connect(patience_s=60.0):
    """The connections to the other ranks: rank 0 has one to each, the others have one to rank 0."""
    if rank == 0:
        with socket.create_server(("", meeting[1])) as server:
            return [server.accept()[0].makefile("rw") for _ in range(size - 1)]
    end = time.monotonic() + patience_s
    while True:
        try:
            return [socket.create_connection(meeting, timeout=patience_s).makefile("rw")]
        except OSError:  # rank 0 may start later
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def average(lines, values):
    """The mean over all ranks, which every rank gets."""
    if rank != 0:
        print(json.dumps(values), file=lines[0], flush=True)
        return json.loads(lines[0].readline())
    told = [values, *(json.loads(line.readline()) for line in lines)]
    mean = [sum(column) / size for column in zip(*told)]
    for line in lines:
        print(json.dumps(mean), file=line, flush=True)
    return mean


lines = connect()
points = random.Random(rank)
x = [points.uniform(-1, 1) for _ in range(100)]
y = [3 * one + 1 + points.gauss(0, 0.1) for one in x]
slope = offset = 0.0
for step in range(60):
    errors = [slope * a + offset - b for a, b in zip(x, y)]
    own = [2 * sum(e * a for e, a in zip(errors, x)) / len(x), 2 * sum(errors) / len(x)]
    change = average(lines, own)
    slope, offset = slope - 0.3 * change[0], offset - 0.3 * change[1]
    run.log("loss", sum(e * e for e in errors) / len(x), step)
print(f"rank {rank} of {size}: y = {slope:.3f} x + {offset:.3f}")
os.makedirs("outputs", exist_ok=True)
with open("outputs/line.txt", "w") as file:
    print(slope, offset, file=file)
