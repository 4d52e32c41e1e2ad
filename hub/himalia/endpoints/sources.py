"""What a revision is made from: a model's files and environment, found once and kept with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.engine import Connection

from himalia.core.access import Access
from himalia.core.database import Transaction
from himalia.core.errors import Invalid, NotFound, WrongState
from himalia.endpoints.examples import FILES, LARGEST_BYTES
from himalia.endpoints.schema import RevisionSpec
from himalia.engine.backends.local.folders import Folders
from himalia.engine.service import Engine
from himalia.jobs.service import Jobs
from himalia.models import read as models_read
from himalia.models.environments import lacking
from himalia.overlays.service import Needed, Overlays
from himalia.snapshots.service import Snapshots

MODEL_FILE = "MLmodel"


@dataclass(frozen=True, slots=True)
class Source:
    """`files` is a stored tree with the model's folder at `path`.

    `asks_for` are the lines of the model's requirements.txt; `requirements`, what of it the environment lacks, is
    laid over that. `model` is `{"name", "version"}` of a registered one, and `version_id` its id for links.
    """

    files: str
    path: str
    title: str
    environment: str | None = None
    asks_for: tuple[str, ...] = ()
    requirements: str | None = None
    model: Mapping[str, str] | None = None
    version_id: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The JSON kept in `endpoint_revisions.source`."""
        return asdict(self)

    def command(self, served_as: str, number: int) -> list[str]:
        """What runs in the working folder, where the model's files are seen as `model`."""
        return [
            *("python", "-m", "himalia.serving", "model"),
            *("--name", served_as, "--version", str(number)),
        ]


class Sources:
    """Finds what a spec names."""

    def __init__(self, snapshots: Snapshots, jobs: Jobs, overlays: Overlays, folders: Folders) -> None:
        self.snapshots = snapshots
        self.jobs = jobs
        self.overlays = overlays
        self.folders = folders

    def find(self, connection: Connection, project_id: str, spec: RevisionSpec) -> Source:
        """The files and the environment of a spec. Raises Invalid."""
        if spec.files is not None:
            return self._uploaded(connection, project_id, spec.files)
        return self._registered(connection, project_id, spec.model or "")

    @staticmethod
    def _registered(connection: Connection, project_id: str, reference: str) -> Source:
        try:
            found = models_read.resolve(connection, project_id, reference)
            files = models_read.files(connection, found.version_id)
        except (NotFound, WrongState) as error:
            raise Invalid.field("spec.model", error.message) from error
        return Source(
            files=files.tree,
            path="",
            title=files.model,
            environment=files.environment,
            asks_for=files.requirements,
            model={"name": files.model, "version": str(files.version)},
            version_id=files.version_id,
        )

    def completed(self, source: Source, environment: str) -> Source:
        """With what the environment lacks of what the model asks for. Lists the environment's packages."""
        if not source.asks_for:
            return source
        wanted = lacking(source.asks_for, self.folders.environment(environment))
        return replace(source, requirements=wanted.decode() if wanted is not None else None)

    def _uploaded(self, connection: Connection, project_id: str, digest: str) -> Source:
        tree = self.snapshots.check(connection, project_id, digest)
        found = [file.path for file in tree.files if file.path.split("/")[-1] == MODEL_FILE]
        if not found:
            raise Invalid.field(
                "spec.files", f"There is no file {MODEL_FILE} in it, so it is no MLflow model."
            )
        folder = min(found, key=lambda path: (path.count("/"), path)).rpartition("/")[0]
        return Source(digest, folder, folder.rpartition("/")[2] or "model")

    def example(self, source: Mapping[str, Any]) -> bytes | None:
        """The example that came with a model, from what is stored of its revision. Reads the object store."""
        folder = f"{source['path']}/" if source["path"] else ""
        there = {file.path: file for file in self.snapshots.tree(source["files"]).files}
        found = next((there[folder + name] for name in FILES if folder + name in there), None)
        if found is None or found.size > LARGEST_BYTES:
            return None
        return self.snapshots.store.get(found.digest)

    def check_secrets(self, connection: Connection, access: Access, names: Sequence[str]) -> None:
        """Raise Invalid when a secret does not exist."""
        self.jobs.check_secrets(connection, access.in_project["id"], access.person.id, names)

    def environment(
        self, tx: Transaction, person_id: str, project_id: str, environment: str, source: Source
    ) -> Needed | None:
        """The overlay that a model's requirements need, whose building is begun where it has to be."""
        if source.requirements is None:
            return None
        content = source.requirements.encode()
        needed = self.overlays.plan(tx.connection, person_id, project_id, environment, content)
        if needed.spec is not None:
            self.overlays.submit(tx, needed.spec)
        return needed

    def start(self, tx: Transaction, engine: Engine, revision: Any, project_id: str) -> None:
        """Run a revision's ended workload again; its environment is made anew where it was removed meanwhile."""
        known = {name: revision.source.get(name) for name in Source.__dataclass_fields__}
        environment = revision.spec["environment"]
        needed = self.environment(tx, revision.created_by, project_id, environment, Source(**known))
        overlay, task = (needed.overlay, needed.task) if needed else (None, None)
        engine.retry(tx, revision.id, overlay, task)
