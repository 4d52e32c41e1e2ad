"""Tracking: MLflow, started on use, one workspace per project, reachable through our gate alone."""
