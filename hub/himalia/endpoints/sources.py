"""What a revision is made from: a model's files and environment, found once and kept with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy.engine import Connection

from himalia.core.access import Access
from himalia.core.database import Transaction
from himalia.core.errors import Invalid, NotFound, WrongState
from himalia.core.people import Person
from himalia.endpoints import read
from himalia.endpoints.examples import FILES, LARGEST_BYTES
from himalia.endpoints.schema import RevisionSpec
from himalia.engine.service import Engine
from himalia.jobs.service import Jobs
from himalia.models import read as models_read
from himalia.models.environments import as_before, lacking
from himalia.overlays.service import Base, Needed, Overlays
from himalia.projects.service import may_run
from himalia.snapshots.service import Snapshots

MODEL_FILE = "MLmodel"


@dataclass(frozen=True, slots=True)
class Source:
    """`files` is a stored tree with the model's folder at `path`.

    `asks_for` are the lines of the model's requirements.txt; `requirements`, what of it the environment lacks, is
    laid over that, and `packages` what was installed for it, each with its version, once that is known. `model` is
    `{"name", "version"}` of a registered one, and `version_id` its id for links.
    """

    files: str
    path: str
    title: str
    environment: str | None = None
    asks_for: tuple[str, ...] = ()
    requirements: str | None = None
    packages: Sequence[str] | None = None
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

    def __init__(self, snapshots: Snapshots, jobs: Jobs, overlays: Overlays) -> None:
        self.snapshots = snapshots
        self.jobs = jobs
        self.overlays = overlays

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
        wanted = lacking(source.asks_for, self.overlays.environments.packages(environment))
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

    def known(self, connection: Connection, source: Source, environment: str) -> Source:
        """With the packages that the model version was served with before, so that it is served alike again."""
        if source.requirements is None or source.version_id is None:
            return source
        return replace(source, packages=read.packages_of(connection, source.version_id, environment))

    def environment(self, tx: Transaction, base: Base, source: Source) -> Needed | None:
        """The overlay that a model's requirements need, whose building is begun where it has to be."""
        if source.requirements is None:
            return None
        content = source.requirements.encode()
        wanted = as_before(tx.connection, self.overlays, base, content, source.packages)
        needed = self.overlays.plan(tx.connection, base, wanted)
        if needed.spec is not None:
            self.overlays.submit(tx, needed.spec)
        return needed

    def installed(self, connection: Connection, revision: str) -> list[str] | None:
        """The packages of the overlay in which a revision runs; None where it has none. Reads a small file."""
        row = read.revision(connection, revision)
        if row is None or row.overlay is None:
            return None
        return self.overlays.packages(connection, row.person_id, row.overlay)

    def start(
        self, tx: Transaction, engine: Engine, revision: Any, project_id: str, by: Person | None = None
    ) -> None:
        """Run a revision's ended workload again; its environment is made anew where it was removed meanwhile.

        It goes on as whoever it ran as, or, where they may no longer, as who starts it. Raises Invalid where that
        person lacks one of its secrets, or its environment is gone.
        """
        person_id = revision.person_id
        if by is not None and not may_run(tx.connection, project_id, person_id):
            person_id = by.id
            self.jobs.check_secrets(tx.connection, project_id, by.id, revision.spec["secrets"])
        known = {name: revision.source.get(name) for name in Source.__dataclass_fields__}
        base = Base(person_id, project_id, revision.spec["environment"], revision.spec["profile"])
        needed = self.environment(tx, base, Source(**known))
        overlay, task = (needed.overlay, needed.task) if needed else (None, None)
        engine.retry(tx, revision.id, overlay, task, person_id)
