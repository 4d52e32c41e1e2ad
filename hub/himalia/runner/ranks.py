"""How the ranks of a distributed job find each other: the variables that its launchers and frameworks read.

Every rank is told the same list of hosts and its own place in it. Ports are fixed, since a group has a network (or,
on a cluster, pods) to itself; those of TensorFlow differ by rank, so that all may be on one host.
"""

from __future__ import annotations

import json
from typing import Dict, List

MASTER_PORT = 29500
SCHEDULER_PORT = 29600
TENSORFLOW_PORT = 2222


def variables(hosts: List[str], rank: int) -> Dict[str, str]:
    """What rank ``rank`` of ``hosts`` finds in its environment: one process per rank, so the local rank is 0.

    ``PET_*`` are the defaults of torchrun's options, for a rank that starts several processes with it. MindSpore's
    are for its ``msrun``, and for programs that start its scheduler themselves.
    """
    master, size, index = hosts[0], str(len(hosts)), str(rank)
    return {
        "HIMALIA_RANK": index,
        "HIMALIA_REPLICAS": size,
        "HIMALIA_HOSTS": ",".join(hosts),
        "MASTER_ADDR": master,
        "MASTER_PORT": str(MASTER_PORT),
        "RANK": index,
        "WORLD_SIZE": size,
        "LOCAL_RANK": "0",
        "LOCAL_WORLD_SIZE": "1",
        "NODE_RANK": index,
        "PET_NNODES": size,
        "PET_NODE_RANK": index,
        "PET_MASTER_ADDR": master,
        "PET_MASTER_PORT": str(MASTER_PORT),
        "TF_CONFIG": tensorflow(hosts, rank),
        "MS_WORKER_NUM": size,
        "MS_NODE_ID": index,
        "MS_ROLE": "MS_WORKER",
        "MS_SCHED_HOST": master,
        "MS_SCHED_PORT": str(SCHEDULER_PORT),
        "RANK_ID": index,
        "RANK_SIZE": size,
        "OMPI_COMM_WORLD_RANK": index,
        "OMPI_COMM_WORLD_SIZE": size,
        "OMPI_COMM_WORLD_LOCAL_RANK": "0",
        "OMPI_COMM_WORLD_LOCAL_SIZE": "1",
    }


def tensorflow(hosts: List[str], rank: int) -> str:
    """TF_CONFIG of a group of workers (tf.distribute.cluster_resolver.TFConfigClusterResolver)."""
    workers = [f"{host}:{TENSORFLOW_PORT + index}" for index, host in enumerate(hosts)]
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}})


def hostfile(hosts: List[str]) -> str:
    """What ``mpirun --hostfile`` reads: a host a line, one process each."""
    return "".join(f"{host}\n" for host in hosts)
