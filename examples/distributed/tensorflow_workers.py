"""Distributed TensorFlow: MultiWorkerMirroredStrategy, which finds all workers by TF_CONFIG.

Needs tensorflow. Run it as a job with
`himalia jobs submit --replicas 2 --follow examples/distributed/tensorflow_workers.py`.
"""

import os

import numpy as np
import tensorflow as tf

import himalia.run as run

strategy = tf.distribute.MultiWorkerMirroredStrategy()  # before anything else of TensorFlow
rank, size = int(os.environ.get("RANK", "0")), strategy.num_replicas_in_sync

random = np.random.default_rng(rank)
x = random.uniform(-1, 1, 100).astype("float32")
y = 3 * x + 1 + random.normal(0, 0.1, 100).astype("float32")
with strategy.scope():
    slope, offset = tf.Variable(0.0), tf.Variable(0.0)


def step(x, y):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean((slope * x + offset - y) ** 2)
    change = tape.gradient(loss, [slope, offset])
    change = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, change)
    slope.assign_sub(0.3 * change[0])
    offset.assign_sub(0.3 * change[1])
    return loss


@tf.function
def train():
    return strategy.reduce(tf.distribute.ReduceOp.MEAN, strategy.run(step, (x, y)), axis=None)


for number in range(60):
    run.log("loss", float(train()), number)
print(f"rank {rank} of {size}: y = {float(slope.numpy()):.3f} x + {float(offset.numpy()):.3f}")
