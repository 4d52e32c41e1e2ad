"""What MLflow's client reads from the environment of jobs and notebooks, so that it works without set-up."""

from __future__ import annotations

from himalia.core.settings import Settings
from himalia.tracking.gate import PREFIX
from himalia.tracking.runs import DEFAULT_EXPERIMENT


def variables(settings: Settings) -> dict[str, str]:
    """All but the project (MLFLOW_WORKSPACE) and the token, which belong to one workload."""
    return {
        "MLFLOW_TRACKING_URI": f"{settings.reached_at}{PREFIX}",
        "MLFLOW_EXPERIMENT_NAME": DEFAULT_EXPERIMENT,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        # It would print addresses below the tracking URI, where no pages are.
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
