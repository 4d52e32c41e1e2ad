"""Datasets, their versions and aliases, drafts of versions to come, previews, imports and checks.

What is in a version is its tree, an object of the store; what is in a draft is the tree of the version that it
began from, with the changes in `dataset_draft_files`.
"""

from __future__ import annotations

import sqlalchemy as sa

from himalia.core.database import Timestamp, metadata

datasets = sa.Table(
    "datasets",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("project_id", sa.String(16), sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("labels", sa.JSON, nullable=False),
    sa.Column("spec", sa.JSON, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("last_number", sa.Integer, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.Column("deleted_at", Timestamp),
    sa.Index("ix_datasets_project", "project_id", "created_at", "id"),
    sa.Index(
        "uq_datasets_live_name",
        "project_id",
        "name",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)

versions = sa.Table(
    "dataset_versions",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("dataset_id", sa.String(16), sa.ForeignKey("datasets.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("tree", sa.String(64), nullable=False),
    sa.Column("files", sa.Integer, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.Column("deleted_at", Timestamp),
    sa.UniqueConstraint("dataset_id", "number"),
)

aliases = sa.Table(
    "dataset_aliases",
    metadata,
    sa.Column("dataset_id", sa.String(16), sa.ForeignKey("datasets.id"), primary_key=True),
    sa.Column("alias", sa.String(40), primary_key=True),
    sa.Column("version_id", sa.String(16), sa.ForeignKey("dataset_versions.id"), nullable=False),
)

drafts = sa.Table(
    "dataset_drafts",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("dataset_id", sa.String(16), sa.ForeignKey("datasets.id"), nullable=False),
    sa.Column("base_id", sa.String(16), sa.ForeignKey("dataset_versions.id")),
    # The newest version when it was begun: one that came since is somebody else's.
    sa.Column("seen_number", sa.Integer, nullable=False),
    sa.Column("changes", sa.Integer, nullable=False),
    sa.Column("brief", sa.Boolean, nullable=False),  # a program's, which would have deleted it in the end
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.Column("updated_at", Timestamp, nullable=False),
    sa.Index("ix_dataset_drafts_dataset", "dataset_id", "created_at", "id"),
)

draft_files = sa.Table(
    "dataset_draft_files",
    metadata,
    sa.Column("draft_id", sa.String(16), sa.ForeignKey("dataset_drafts.id"), primary_key=True),
    sa.Column("path", sa.String(1024), primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.String(64)),  # none: the file is removed
    sa.Column("executable", sa.Boolean, nullable=False),
)

uploads = sa.Table(
    "dataset_uploads",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),
    sa.Column("draft_id", sa.String(16), sa.ForeignKey("dataset_drafts.id"), nullable=False),
    sa.Column("path", sa.String(1024), nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("executable", sa.Boolean, nullable=False),
    sa.Column("digest", sa.String(64)),  # once it is whole
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Index("ix_dataset_uploads_draft", "draft_id"),
)

previews = sa.Table(
    "dataset_previews",
    metadata,
    sa.Column("project_id", sa.String(16), sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("tree", sa.String(64), primary_key=True),
    sa.Column("task_id", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("message", sa.Text),
    sa.Column("data", sa.String(64)),  # objects: what was seen, and the thumbnails
    sa.Column("sheet", sa.String(64)),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Index("ix_dataset_previews_task", "task_id"),
)

imports = sa.Table(
    "dataset_imports",
    metadata,
    sa.Column("id", sa.String(16), primary_key=True),  # the task's
    sa.Column("draft_id", sa.String(16), sa.ForeignKey("dataset_drafts.id"), nullable=False),
    sa.Column("archive", sa.String(1024)),
    sa.Column("server_path", sa.Text),
    sa.Column("into", sa.String(1024), nullable=False),
    sa.Column(
        "based", sa.Boolean, nullable=False
    ),  # whether the archive is in the version that the draft began from
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("message", sa.Text),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("created_by", sa.String(16), nullable=False),
    sa.Index("ix_dataset_imports_draft", "draft_id", "created_at"),
)

checks = sa.Table(
    "dataset_checks",
    metadata,
    sa.Column("project_id", sa.String(16), sa.ForeignKey("projects.id"), primary_key=True),
    sa.Column("tree", sa.String(64), primary_key=True),
    sa.Column("task_id", sa.String(16), nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("message", sa.Text),
    sa.Column("found", sa.String(64)),  # the manifest of what was there
    sa.Column("began_at", Timestamp, nullable=False),
    sa.Column("ended_at", Timestamp),
    sa.Index("ix_dataset_checks_task", "task_id"),
)
