"""Endpoints: models that answer behind a stable address, revision after revision."""
