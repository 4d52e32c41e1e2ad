"""Jobs: submit, steer, follow and read them."""

from __future__ import annotations

import builtins
import html
import time
import uuid
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from himalia.client import downloads, submission
from himalia.client.api import Api, escaped, items
from himalia.client.bridge import blocking, blocking_items, bound, closing
from himalia.client.errors import Invalid
from himalia.client.following import Changed, EnvironmentText, Follower, Log, LogText, current_log
from himalia.client.records import (
    ENDED,
    Event,
    JobSpec,
    JobStatus,
    OutputFile,
    Series,
    Who,
    moment,
)
from himalia.client.things import Thing, ThingVerbs

if TYPE_CHECKING:
    from himalia.client.dataset_upload import Progress
    from himalia.client.datasets import Version
    from himalia.client.following import Update

    AnyPath = str | PathLike[str]
    Limit = float | str | timedelta

J = TypeVar("J", bound="JobRecord")


class JobRecord(Thing):
    """A job as it was when last seen: `name`, `labels`, `spec` (what was asked) and `status` (what was seen)."""

    _made: ClassVar = {
        "spec": JobSpec,
        "status": JobStatus,
        "created_at": moment,
        "created_by": Who,
        "updated_at": moment,
    }
    id: str
    name: str
    project: str
    labels: dict[str, str]
    spec: JobSpec
    status: JobStatus
    created_at: datetime
    created_by: Who
    updated_at: datetime
    etag: str
    part_of: str | None

    @property
    def state(self) -> str:
        """QUEUED, STARTING, RUNNING, STOPPING, SUCCEEDED, FAILED or STOPPED."""
        return self.status.state

    @property
    def ended(self) -> bool:
        """Whether the job has come to its end."""
        return self.state in ENDED

    @property
    def duration_s(self) -> float | None:
        """Seconds from the start to the end, or to now; None before the start."""
        begin, end = self.status.started_at, self.status.ended_at
        if begin is None:
            return None
        return ((end or datetime.now(timezone.utc)) - begin).total_seconds()  # noqa: UP017 - 3.8 has no UTC

    def __repr__(self) -> str:
        reason = f" ({self.status.reason})" if self.status.reason else ""
        return f"<{type(self).__name__} {self.project}/{self.name}: {self.state}{reason}>"

    def _repr_html_(self) -> str:
        status = self.status
        what = self.spec.notebook or self.spec.script or " ".join(self.spec.command)
        message = status.message or (status.queue.message if status.queue else "")
        rows = [("Runs", what), ("Profile", self.spec.profile), ("State", f"{self.state} {message}".strip())]
        rows += [("Parameters", ", ".join(f"{k} = {v!r}" for k, v in (self.spec.parameters or {}).items()))]
        rows += [("Metrics", ", ".join(f"{k} = {v}" for k, v in (status.metrics or {}).items()))]
        cells = "".join(
            f"<tr><th style='text-align:left'>{title}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for title, text in rows
            if text
        )
        return f"<b>{html.escape(self.project)}/{html.escape(self.name)}</b><table>{cells}</table>"


class JobVerbs(ThingVerbs[J]):
    """What can be done with jobs. Where a `job` is asked for, give its name or the job itself, which is then
    brought up to date; `project` is the one of the job, else the client's."""

    _noun = "jobs"

    async def submit(
        self,
        notebook: AnyPath | None = None,
        *,
        script: AnyPath | None = None,
        arguments: Sequence[str] = (),
        command: Sequence[str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        folder: AnyPath | None = None,
        profile: str | None = None,
        size: str | None = None,
        replicas: int | None = None,
        environment: str | None = None,
        requirements: str | None = "auto",
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        inputs: Mapping[str, str | Version] | None = None,
        env: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        priority: int | None = None,
        retries: int | None = None,
        max_restarts: int | None = None,
        time_limit: Limit | None = None,
        permissions: Sequence[str] = (),
        project: str | None = None,
    ) -> J:
        """Submit a notebook with parameters, a script with arguments, or a command.

        The code that goes with it is the folder of the notebook or script, or `folder`, in which they must be;
        only files that the service lacks are sent. A command takes code along only when `folder` is given.
        `requirements` is the path of a requirements.txt in that folder; "auto" takes the one beside the notebook
        or script, None takes none. `inputs` are datasets by the names under which the code asks for them, such as
        `{"digits": "digits@3"}` for `himalia.run.input("digits")`. `time_limit` is in seconds, a timedelta, or text
        such as "2h". With several `replicas` as many ranks of it start together, each with the profile's resources.
        Without a `profile`, the one of the notebook's kernel is taken, else the server's own, else the first.

        Raises Invalid, naming each field, and `himalia.client.snapshot.SnapshotError` for a folder that cannot
        be sent. A connection lost on the way is made again; the job is made once.
        """
        where = await self._api.project(project)
        fields = {
            "arguments": [str(word) for word in arguments],
            "parameters": dict(parameters or {}),
            "profile": profile,
            "size": size,
            "replicas": replicas,
            "environment": environment,
            "inputs": submission.references(inputs),
            "env": dict(env or {}),
            "secrets": [secrets] if isinstance(secrets, str) else [*secrets],
            "priority": priority,
            "retries": retries,
            "max_restarts": max_restarts,
            "time_limit_s": submission.seconds(time_limit),
            "permissions": [*permissions],
        }
        code = submission.Code(notebook, script, command, folder)
        spec = await submission.job_spec(self._api, where, code, requirements, fields)
        body = {"name": name, "labels": dict(labels or {}), "spec": spec}
        return self._make(await self._post(escaped("projects", where, "jobs"), body, once=True))

    async def get(self, job: str | J, *, project: str | None = None) -> J:
        """The job as it is now. Raises NotFound."""
        return self._now(job, await self._api.call("GET", await self._path(job, project)))

    async def stop(self, job: str | J, *, project: str | None = None) -> J:
        """Ask the job to end: politely first, then for good. Raises WrongState when it has ended."""
        return self._now(job, await self._post(await self._path(job, project) + "/stop"))

    async def retry(self, job: str | J, *, project: str | None = None) -> J:
        """Queue a failed or stopped job again, as a new attempt."""
        return self._now(job, await self._post(await self._path(job, project) + "/retry"))

    async def rerun(
        self,
        job: str | J,
        *,
        parameters: Mapping[str, Any] | None = None,
        profile: str | None = None,
        size: str | None = None,
        replicas: int | None = None,
        name: str | None = None,
        project: str | None = None,
    ) -> J:
        """Submit the same code again as a new job; `parameters`, when given, stand in place of the old ones."""
        body = {"name": name, "profile": profile, "size": size, "replicas": replicas}
        body = {field: value for field, value in body.items() if value is not None}
        given = {} if parameters is None else {"parameters": dict(parameters)}
        path = await self._path(job, project) + "/rerun"
        return self._make(await self._post(path, {**body, **given}, once=True))

    async def update(
        self,
        job: str | J,
        *,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        project: str | None = None,
    ) -> J:
        """Rename or label the job. Given as an object, it must not have been changed since: raises Stale."""
        return await self._changed(job, name, labels, project)

    async def delete(self, job: str | J, *, cascade: bool = False, project: str | None = None) -> None:
        """Delete the job; it can be restored for 30 days. `cascade` stops it first if it runs."""
        await self._deleted(job, cascade, project)

    async def restore(self, job: str | J, *, name: str | None = None, project: str | None = None) -> J:
        """Bring a deleted job back, by its name or id; under a new `name` where the old one is taken."""
        return await self._restored(job, name, project)

    async def log(
        self,
        job: str | J,
        *,
        follow: bool = False,
        attempt: int | None = None,
        rank: int = 0,
        project: str | None = None,
    ) -> AsyncGenerator[str, None]:
        """The job's log, in pieces of text; `follow` goes on until the job ends, through further attempts. `rank` is
        which one of a distributed job.

        Of a job that waits for its environment, or got none, it is the log of how that is built.
        """
        if follow:
            if attempt is not None:
                raise Invalid("An earlier attempt cannot be followed: leave out attempt, or follow.")
            async with closing(self.follow(job, rank=rank, project=project)) as updates:
                async for update in updates:
                    if isinstance(update, (EnvironmentText, LogText)):
                        yield update.text
            return
        shown = await self.get(job, project=project)
        found = current_log(self._api, shown.to_dict(), rank)
        if attempt is not None:
            found = Log(self._api, shown.id, attempt, rank)
        if found is not None:
            async for text in found.rest(shown.project, shown.name):
                yield text

    async def follow(
        self,
        job: str | J,
        *,
        logs: bool = True,
        rank: int = 0,
        timeout: float | None = None,
        project: str | None = None,
    ) -> AsyncGenerator[Update, None]:
        """All that happens to the job until it ends, as `client.following` has it: `Changed`, `Progress`, `LogText`,
        and `EnvironmentText` while its environment is built. `rank` is whose log is told of a distributed job.

        `timeout` is in seconds; raises WaitTimeout.
        """
        where, name = await self._place(job, project)
        deadline = None if timeout is None else time.monotonic() + timeout
        # A job that was seen before it began is logged from its first attempt on.
        since = max(1, job.status.attempt) if isinstance(job, JobRecord) else None
        follower = Follower(self._api, where, name, logs, deadline, since, rank)
        async with closing(follower.updates()) as updates:
            async for update in updates:
                if isinstance(update, Changed) and isinstance(job, JobRecord):
                    job._data = dict(update.job)
                yield update

    async def wait(self, job: str | J, *, timeout: float | None = None, project: str | None = None) -> J:
        """Wait until the job has ended, however it did. `timeout` is in seconds; raises WaitTimeout."""
        last: Mapping[str, Any] = {}
        async with closing(self.follow(job, logs=False, timeout=timeout, project=project)) as updates:
            async for update in updates:
                if isinstance(update, Changed):
                    last = update.job
        return self._now(job, last)

    async def outputs(
        self, job: str | J, *, attempt: int | None = None, project: str | None = None
    ) -> builtins.list[OutputFile]:
        """The files that the job left, by path."""
        path = await self._path(job, project) + "/outputs"
        return [OutputFile(one) for one in items(await self._api.call("GET", path, {"attempt": attempt}))]

    async def download(
        self,
        job: str | J,
        path: str,
        to: AnyPath | None = None,
        *,
        attempt: int | None = None,
        progress: Progress | None = None,
        project: str | None = None,
    ) -> Path:
        """Save one output as the file `to`, or into the folder `to`; its bytes are checked. Raises NotFound."""
        found = [one for one in await self.outputs(job, attempt=attempt, project=project) if one.path == path]
        file = found[0] if found else OutputFile({"path": path})  # the service says best what is not there
        target = downloads.place_for(path, Path(to) if to is not None else Path())
        where = await self._path(job, project) + _output(path)
        arriving = downloads.Arriving([file], progress)
        await downloads.save_file(self._api, where, file, target, {"attempt": attempt}, arriving)
        return target

    async def download_all(
        self,
        job: str | J,
        to: AnyPath | None = None,
        *,
        attempt: int | None = None,
        progress: Progress | None = None,
        project: str | None = None,
    ) -> builtins.list[Path]:
        """Save all outputs below the folder `to`, by default the current one, under the paths they have.

        A file that is there with the right size and bytes is left alone.
        """
        base = await self._path(job, project)
        found = await self.outputs(job, attempt=attempt, project=project)
        files = [(base + _output(file.path), file) for file in found]
        folder = Path() if to is None else Path(to)
        return await downloads.save_below(self._api, files, folder, progress, {"attempt": attempt})

    async def metrics(
        self, job: str | J, *, attempt: int | None = None, rank: int = 0, project: str | None = None
    ) -> builtins.list[Series]:
        """All points of the job's metrics: of a distributed job those of rank 0, unless another `rank` is named."""
        path = await self._path(job, project) + "/metrics"
        params = {"attempt": attempt, "rank": rank or None}
        return [Series(one) for one in items(await self._api.call("GET", path, params))]

    async def events(
        self, job: str | J, *, after: int = 0, project: str | None = None
    ) -> builtins.list[Event]:
        """What happened to the job, oldest first."""
        path = await self._path(job, project) + "/events"
        return [Event(one) for one in items(await self._api.call("GET", path, {"after": after}))]

    async def list(
        self,
        *,
        state: str | Iterable[str] | None = None,
        text: str | None = None,
        label: Mapping[str, str] | None = None,
        deleted: bool = False,
        trials: bool = False,
        project: str | None = None,
    ) -> AsyncGenerator[J, None]:
        """The jobs, newest first: those in a `state`, with `text` in their name, with these labels; with `trials`
        those of experiments, too."""
        async with closing(
            self._listed(project, state, text, label, deleted, trials=trials or None)
        ) as found:
            async for one in found:
                yield one

    async def _place(self, job: str | J, project: str | None) -> tuple[str, str]:
        if isinstance(job, JobRecord):
            return job.project, job.name
        return await self._api.project(project), str(job)

    async def _post(self, path: str, body: Mapping[str, Any] | None = None, once: bool = False) -> Any:
        headers = {"Idempotency-Key": uuid.uuid4().hex} if once else {}
        sent = {field: value for field, value in (body or {}).items() if value is not None}
        return await self._api.call("POST", path, body=sent if body is not None else None, headers=headers)


def _output(path: str) -> str:
    return f"/outputs{escaped(*path.split('/'))}"


class Jobs:
    """`client.jobs`."""

    def __init__(self, api: Api) -> None:
        self._verbs: JobVerbs[Job] = JobVerbs(api, lambda data: Job(data, self))

    submit = blocking(JobVerbs["Job"].submit)
    get = blocking(JobVerbs["Job"].get)
    stop = blocking(JobVerbs["Job"].stop)
    retry = blocking(JobVerbs["Job"].retry)
    rerun = blocking(JobVerbs["Job"].rerun)
    update = blocking(JobVerbs["Job"].update)
    delete = blocking(JobVerbs["Job"].delete)
    restore = blocking(JobVerbs["Job"].restore)
    log = blocking_items(JobVerbs["Job"].log)
    follow = blocking_items(JobVerbs["Job"].follow)
    wait = blocking(JobVerbs["Job"].wait)
    outputs = blocking(JobVerbs["Job"].outputs)
    download = blocking(JobVerbs["Job"].download)
    download_all = blocking(JobVerbs["Job"].download_all)
    metrics = blocking(JobVerbs["Job"].metrics)
    events = blocking(JobVerbs["Job"].events)
    list = blocking_items(JobVerbs["Job"].list)


class Job(JobRecord):
    """A job of a `Client`; its methods bring it up to date."""

    refresh = bound(Jobs.get)
    stop = bound(Jobs.stop)
    retry = bound(Jobs.retry)
    rerun = bound(Jobs.rerun)
    update = bound(Jobs.update)
    delete = bound(Jobs.delete)
    restore = bound(Jobs.restore)
    log = bound(Jobs.log)
    follow = bound(Jobs.follow)
    wait = bound(Jobs.wait)
    outputs = bound(Jobs.outputs)
    download = bound(Jobs.download)
    download_all = bound(Jobs.download_all)
    metrics = bound(Jobs.metrics)
    events = bound(Jobs.events)


class AsyncJob(JobRecord):
    """A job of an `AsyncClient`; its methods are awaited and bring it up to date."""

    refresh = bound(JobVerbs["AsyncJob"].get)
    stop = bound(JobVerbs["AsyncJob"].stop)
    retry = bound(JobVerbs["AsyncJob"].retry)
    rerun = bound(JobVerbs["AsyncJob"].rerun)
    update = bound(JobVerbs["AsyncJob"].update)
    delete = bound(JobVerbs["AsyncJob"].delete)
    restore = bound(JobVerbs["AsyncJob"].restore)
    log = bound(JobVerbs["AsyncJob"].log)
    follow = bound(JobVerbs["AsyncJob"].follow)
    wait = bound(JobVerbs["AsyncJob"].wait)
    outputs = bound(JobVerbs["AsyncJob"].outputs)
    download = bound(JobVerbs["AsyncJob"].download)
    download_all = bound(JobVerbs["AsyncJob"].download_all)
    metrics = bound(JobVerbs["AsyncJob"].metrics)
    events = bound(JobVerbs["AsyncJob"].events)


def async_jobs(api: Api) -> JobVerbs[AsyncJob]:
    """`client.jobs` of an `AsyncClient`."""
    verbs: JobVerbs[AsyncJob] = JobVerbs(api, lambda data: AsyncJob(data, verbs))
    return verbs
