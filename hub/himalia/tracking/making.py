"""`python -m himalia.tracking.making`: makes the tables of a new database before MLflow's server is there.

By itself that makes them at the first calls, in two places: the service's question and the kubelet's, when they came
together, waited for each other until the container was ended. A process of its own, since it imports MLflow.
"""

from __future__ import annotations

from mlflow.db import upgrade

from himalia.core.settings import read_settings
from himalia.tracking.sidecar import database


def main() -> None:
    """Make them, by MLflow's own command; the address stands in no process's arguments."""
    upgrade.main([database(read_settings(None))], standalone_mode=False)


if __name__ == "__main__":
    main()
