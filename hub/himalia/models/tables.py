"""Models, their versions and aliases: what stands beside MLflow's registry."""

from __future__ import annotations

import sqlalchemy as sa

from himalia.core.database import Timestamp, metadata

models = sa.Table(
    "models",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("project_id", sa.String(16), sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("name", sa.String(250), nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.UniqueConstraint("project_id", "name"),
    sa.Index("ix_models_project", "project_id", "created_at", "id"),
)

versions = sa.Table(
    "model_versions",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("model_id", sa.String(16), sa.ForeignKey("models.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("source", sa.JSON, nullable=False),
    sa.Column("tree", sa.String(64)),  # none: the files are not ours to copy, and `problem` says why
    sa.Column("files", sa.Integer, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("manifest", sa.JSON, nullable=False),
    sa.Column("environment", sa.String(40)),
    sa.Column("metrics", sa.JSON, nullable=False),
    sa.Column("parameters", sa.JSON, nullable=False),
    sa.Column("problem", sa.Text),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.UniqueConstraint("model_id", "number"),
)
"""`manifest` is what MLmodel and requirements.txt say: flavors, signature, requirements."""

aliases = sa.Table(
    "model_aliases",
    metadata,
    sa.Column("model_id", sa.String(16), sa.ForeignKey("models.id"), primary_key=True),
    sa.Column("alias", sa.String(40), primary_key=True),
    sa.Column("version_id", sa.String(16), sa.ForeignKey("model_versions.id"), nullable=False),
)

evaluations = sa.Table(
    "model_evaluations",
    metadata,
    sa.Column("job_id", sa.String(16), primary_key=True),
    sa.Column("version_id", sa.String(16), sa.ForeignKey("model_versions.id"), nullable=False),
    sa.Column("dataset", sa.String(100), nullable=False),
    sa.Column("target", sa.String(500), nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.Index("ix_model_evaluations_version", "version_id", "created_at"),
)
