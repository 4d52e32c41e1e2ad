"""Evaluations of versions: each is a job in the model's environment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock, links, people
from himalia.core.access import Access
from himalia.core.database import Transaction
from himalia.core.errors import Invalid
from himalia.core.ids import slug
from himalia.core.schema import Items, Who
from himalia.datasets import read as datasets_read
from himalia.datasets.service import Datasets
from himalia.engine import outputs
from himalia.engine.states import State
from himalia.jobs import read as jobs_read
from himalia.jobs.schema import Job, JobCreate, JobSpec
from himalia.jobs.service import Jobs, Part
from himalia.models import read
from himalia.models.environments import Kept, as_before, lacking
from himalia.models.read import Files, end
from himalia.models.schema import Evaluation, EvaluationCreate, EvaluationPlot
from himalia.models.service import Models
from himalia.models.tables import evaluations
from himalia.overlays.service import Base, Overlays
from himalia.projects.service import check_may_run
from himalia.snapshots.serve import media_type
from himalia.snapshots.service import own_many
from himalia.storage.base import Stored
from himalia.storage.trees import Tree, TreeFile

TABLES = (".csv", ".tsv", ".parquet", ".jsonl")
RESULTS = "outputs/evaluation/"
MODEL, DATA, REQUIREMENTS = "model", "data", "evaluation-requirements.txt"
MOST = 200


@dataclass(frozen=True, slots=True)
class Plan:
    """What an evaluation takes: the version, the dataset's version, the path of the table, and the job's code."""

    version: Files
    dataset: datasets_read.Resolved
    table: str
    tree: Tree
    has_requirements: bool

    @property
    def reference(self) -> str:
        """The dataset's version, as people write it."""
        return f"{self.dataset.dataset}@{self.dataset.version}"


class Evaluations:
    """Begins evaluations, and shows what they found."""

    def __init__(
        self, models: Models, datasets: Datasets, jobs: Jobs, overlays: Overlays, kept: Kept
    ) -> None:
        self.models = models
        self.datasets = datasets
        self.jobs = jobs
        self.overlays = overlays
        self.kept = kept

    async def create(self, access: Access, name: str, wanted: str, body: EvaluationCreate) -> Evaluation:
        """Evaluate a version on a table. Raises NotFound, Invalid, WrongState for what cannot be run, DiskFull."""
        plan = await self._plan(access, name, wanted, body)
        spec = JobSpec(
            kind="command",
            command=_command(plan.table, body),
            profile=body.profile,
            size=body.size,
            environment=plan.version.environment,
            snapshot=plan.tree.digest,
            requirements=REQUIREMENTS if plan.has_requirements else None,
            inputs={DATA: plan.reference},
        )
        spec, chosen = await self.jobs.check(access, spec)
        job = JobCreate(name=body.name or slug(f"evaluate-{name}", "evaluate"), spec=spec)

        def work(tx: Transaction) -> Job:
            check_may_run(tx, access)
            # Whoever registered the model wrote what is run: it is to see nothing of whom it runs for.
            part = Part(end(plan.version.version_id), isolated=True)
            made = self.jobs.insert(tx, access.in_project, access.person, job, chosen, part)
            tx.execute(
                evaluations.insert().values(
                    job_id=made.id,
                    version_id=plan.version.version_id,
                    dataset=plan.reference,
                    target=body.target,
                    created_at=clock.now(),
                    created_by=access.person.id,
                )
            )
            links.add(tx, f"job:{made.id}", end(plan.version.version_id), "evaluates")
            return made

        made = await self.jobs.database.write(work)
        return (await self.list(access, name, str(plan.version.version), made.id)).items[0]

    async def _plan(self, access: Access, name: str, wanted: str, body: EvaluationCreate) -> Plan:
        project_id = access.in_project["id"]

        def work(connection: Connection) -> tuple[Files, datasets_read.Resolved]:
            found = read.resolve(connection, project_id, f"{name}@{wanted}")
            return read.files(connection, found.version_id), datasets_read.resolve(
                connection, project_id, body.dataset
            )

        version, dataset = await self.models.database.read(work)
        if version.environment is None:
            raise Invalid.field(
                "model", f"No environment is known for {version.model}. Register it again with one."
            )
        there = await asyncio.to_thread(self.models.environments.packages, version.environment)
        requirements = lacking(version.requirements, there)
        if requirements is not None:
            base = Base(access.person.id, project_id, version.environment, body.profile)
            requirements = await self._as_served(base, version, requirements)
        plan = await asyncio.to_thread(self._files, version, dataset, body.path, requirements)
        await self.models.snapshots.put(project_id, plan.tree.digest, plan.tree.to_bytes())
        stored = [Stored(file.digest, file.size) for file in plan.tree.files]
        await self.models.database.write(lambda tx: own_many(tx, project_id, stored))
        return plan

    async def _as_served(self, base: Base, version: Files, requirements: bytes) -> bytes:
        """With the packages that the version was served with, so that it is the same model that is evaluated."""

        def work(connection: Connection) -> bytes:
            packages = self.kept(connection, version.version_id, base.environment)
            return as_before(connection, self.overlays, base, requirements, packages)

        return await self.models.database.read(work)

    def _files(
        self,
        version: Files,
        dataset: datasets_read.Resolved,
        path: str | None,
        requirements: bytes | None,
    ) -> Plan:
        """The model, and what the environment lacks, as the code of a job."""
        table = _table(self.datasets.tree(dataset.tree), path)
        files = [
            TreeFile(f"{MODEL}/{one.path}", one.size, one.digest)
            for one in self.models.snapshots.tree(version.tree).files
        ]
        if requirements is not None:
            stored = self.models.snapshots.put_many([requirements])[0]
            files.append(TreeFile(REQUIREMENTS, stored.size, stored.digest))
        return Plan(version, dataset, f"inputs/{DATA}/{table.path}", Tree.of(files), requirements is not None)

    async def list(
        self, access: Access, name: str, wanted: str, job_id: str | None = None
    ) -> Items[Evaluation]:
        """A version's evaluations, newest first. Raises NotFound."""
        project_id = access.in_project["id"]

        def work(connection: Connection) -> Items[Evaluation]:
            version = read.find_version(connection, read.find(connection, project_id, name), wanted)
            query = sa.select(evaluations).where(evaluations.c.version_id == version.id)
            if job_id is not None:
                query = query.where(evaluations.c.job_id == job_id)
            rows = list(connection.execute(query.order_by(evaluations.c.created_at.desc()).limit(MOST)))
            who = people.names(connection, {row.created_by for row in rows})
            shown = [_shown(connection, row, who.get(row.created_by, "")) for row in rows]
            return Items[Evaluation](items=[one for one in shown if one is not None])

        return await self.models.database.read(work)


def _command(table: str, body: EvaluationCreate) -> list[str]:
    command = [
        "python",
        "-m",
        "himalia.serving.evaluate",
        MODEL,
        f"--data={table}",
        f"--target={body.target}",
    ]
    return [*command, f"--type={body.type}"] if body.type else command


def _table(tree: Tree, wanted: str | None) -> TreeFile:
    """The table that is named, or the only one. Raises Invalid."""
    there = [one for one in tree.files if PurePosixPath(one.path).suffix.lower() in TABLES]
    if wanted is not None:
        found = next((one for one in there if one.path == wanted), None)
        if found is None:
            raise Invalid.field("path", f"There is no table {wanted} in this dataset: {_listed(there)}.")
        return found
    if len(there) != 1:
        raise Invalid.field(
            "path", f"Name the table to evaluate on (CSV, TSV, Parquet or JSON lines): {_listed(there)}."
        )
    return there[0]


def _listed(files: list[TreeFile]) -> str:
    return ", ".join(one.path for one in files[:10]) or "it has none"


def _shown(connection: Connection, row: Any, author: str) -> Evaluation | None:
    job = jobs_read.by_id(connection, row.job_id)
    if job is None:
        return None
    left = [one.path for one in outputs.of(connection, job.id, job.attempt) if one.path.startswith(RESULTS)]
    return Evaluation(
        id=row.job_id,
        job=job.name,
        dataset=row.dataset,
        target=row.target,
        state=job.state,
        message=_why(connection, job),
        metrics=jobs_read.latest_metrics(connection, job.id, job.attempt),
        artifacts=[
            EvaluationPlot(name=PurePosixPath(path).stem, path=path, media_type=media_type(path))
            for path in left
        ],
        created_at=row.created_at,
        created_by=Who(id=row.created_by, name=author),
    )


def _why(connection: Connection, job: Any) -> str | None:
    """What there is to say of an evaluation's end; it tells itself what it could not take."""
    if job.state != State.FAILED or job.reason != "user_error":
        return str(job.message) if job.message else None
    return outputs.last_words(connection, job.id, job.attempt) or job.message
