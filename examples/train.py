"""A script that runs as a job: gradient descent on a line through noisy points.

Run it here with `python examples/train.py`, or as a job with
`himalia jobs submit --follow examples/train.py -- --rate 0.2`.
"""

import argparse

import numpy as np

import himalia.run as run

parser = argparse.ArgumentParser(description="Fit a line.")
parser.add_argument("--rate", type=float, default=0.1, help="learning rate")
parser.add_argument("--steps", type=int, default=50, help="how many steps")
options = parser.parse_args()

random = np.random.default_rng(7)
x = random.uniform(-1, 1, 200)
y = 3 * x + 1 + random.normal(0, 0.1, 200)
slope = offset = 0.0

for step in range(options.steps):
    error = slope * x + offset - y
    slope -= options.rate * 2 * float(np.mean(error * x))
    offset -= options.rate * 2 * float(np.mean(error))
    run.log("loss", float(np.mean(error**2)), step)

print(f"y = {slope:.3f} x + {offset:.3f}")
np.savetxt("line.txt", [slope, offset])
run.output("line.txt")
