"""Experiments: begin a search over a job's parameters, follow it, and read what it found."""

from __future__ import annotations

import builtins
import html
import time
import uuid
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from himalia.client import submission
from himalia.client.api import Api, escaped, items
from himalia.client.bridge import blocking, blocking_items, bound, closing
from himalia.client.errors import Invalid, WaitTimeout
from himalia.client.records import Record, Who, many, moment
from himalia.client.things import Thing, ThingVerbs
from himalia.client.watching import Watch

if TYPE_CHECKING:
    from himalia.client.datasets import Version

    AnyPath = str | PathLike[str]
    Limit = float | str | timedelta
    Space = Mapping[str, Any]

E = TypeVar("E", bound="ExperimentRecord")
MANY = 1000


class Trial(Record):
    """One try of a search. `values` are those of the objectives, in their order."""

    _made: ClassVar = {"created_at": moment, "started_at": moment, "ended_at": moment}
    _shown = ("number", "state", "values", "parameters")
    number: int
    state: str
    parameters: dict[str, Any]
    values: list[float] | None
    message: str | None
    job: str
    job_id: str
    pruned_step: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def value(self) -> float | None:
        """The value of the first objective."""
        return self.values[0] if self.values else None


class Best(Record):
    """A trial that no other beats."""

    _shown = ("number", "values", "parameters")
    number: int
    values: list[float]
    parameters: dict[str, Any]


class ExperimentStatus(Record):
    """What was seen. `counts` holds the number of trials by state, in lower case."""

    _made: ClassVar = {"best": many(Best), "started_at": moment, "ended_at": moment, "deleted_at": moment}
    _shown = ("state", "reason", "message", "done", "total")
    state: str
    reason: str | None
    message: str | None
    counts: dict[str, int]
    done: int
    total: int
    best: list[Best]
    started_at: datetime
    ended_at: datetime | None
    deleted_at: datetime | None


class ExperimentSpec(Record):
    """What was asked; `docs/experiments.md` has the fields."""

    _shown = ("objectives", "trials", "parallel")
    job: dict[str, Any]
    space: dict[str, dict[str, Any]]
    objectives: list[dict[str, str]]
    sampler: dict[str, Any]
    pruner: dict[str, Any]
    trials: int
    parallel: int
    fresh_kernel: bool
    timeout_s: float | None
    max_failures: int


class ExperimentRecord(Thing):
    """An experiment as it was when last seen."""

    _made: ClassVar = {
        "spec": ExperimentSpec,
        "status": ExperimentStatus,
        "created_at": moment,
        "created_by": Who,
        "updated_at": moment,
    }
    id: str
    name: str
    project: str
    labels: dict[str, str]
    spec: ExperimentSpec
    status: ExperimentStatus
    created_at: datetime
    created_by: Who
    updated_at: datetime
    etag: str

    @property
    def state(self) -> str:
        """RUNNING, STOPPED, COMPLETE or FAILED."""
        return self.status.state

    @property
    def ended(self) -> bool:
        """Whether the search has come to its end."""
        return self.state != "RUNNING"

    def __repr__(self) -> str:
        status = self.status
        return f"<{type(self).__name__} {self.project}/{self.name}: {self.state}, {status.done} of {status.total}>"

    def _repr_html_(self) -> str:
        metrics = [objective["metric"] for objective in self.spec.objectives]
        rows = [
            ("State", f"{self.state} {self.status.message or ''}".strip()),
            ("Trials", f"{self.status.done} of {self.status.total}"),
        ]
        for best in self.status.best[:1]:
            found = ", ".join(f"{name} = {value:g}" for name, value in zip(metrics, best.values))  # noqa: B905 - 3.8
            given = ", ".join(f"{name} = {value!r}" for name, value in best.parameters.items())
            rows.append(("Best", f"{found} with {given} (trial {best.number})"))
        cells = "".join(
            f"<tr><th style='text-align:left'>{title}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for title, text in rows
        )
        return f"<b>{html.escape(self.project)}/{html.escape(self.name)}</b><table>{cells}</table>"


def space_of(given: Space) -> dict[str, dict[str, Any]]:
    """A space as the service takes it: a list is of choices, a pair the range between its ends, a `range` of
    whole numbers; a mapping is taken as it is. Raises Invalid."""
    return {name: _parameter(name, values) for name, values in given.items()}


def _parameter(name: str, values: Any) -> dict[str, Any]:
    if isinstance(values, Mapping):
        return dict(values)
    if isinstance(values, list):
        return {"kind": "categorical", "choices": values}
    if isinstance(values, range) and len(values) > 0:
        low, high = sorted((values[0], values[-1]))
        return {"kind": "int", "low": low, "high": high, "step": abs(values.step)}
    if isinstance(values, tuple) and len(values) == 2:
        whole = all(isinstance(end, int) for end in values)
        return {"kind": "int" if whole else "float", "low": values[0], "high": values[1]}
    raise Invalid(f"{name} needs a pair (low, high), a range, a list of choices, or a mapping with kind.")


class ExperimentVerbs(ThingVerbs[E]):
    """What can be done with experiments. Where an `experiment` is asked for, give its name or the experiment itself,
    which is then brought up to date; `project` is the one of the experiment, else the client's."""

    _noun = "experiments"

    async def search(
        self,
        notebook: AnyPath | None = None,
        *,
        space: Space,
        metric: str | None = None,
        direction: str = "minimize",
        objectives: Mapping[str, str] | None = None,
        trials: int | None = None,
        parallel: int | None = None,
        sampler: str | Mapping[str, Any] | None = None,
        pruner: str | Mapping[str, Any] | None = None,
        timeout: Limit | None = None,
        max_failures: int | None = None,
        fresh_kernel: bool = False,
        script: AnyPath | None = None,
        arguments: Sequence[str] = (),
        command: Sequence[str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        folder: AnyPath | None = None,
        inputs: Mapping[str, str | Version] | None = None,
        profile: str | None = None,
        size: str | None = None,
        environment: str | None = None,
        requirements: str | None = "auto",
        env: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        retries: int | None = None,
        time_limit: Limit | None = None,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        project: str | None = None,
    ) -> E:
        """Begin a search: `trials` runs of a notebook, script or command, `parallel` at once.

        `space` maps each parameter to what it may be: `(low, high)`, a `range`, a list of choices, or a mapping as
        the API takes it. What is to be better is a `metric` and its `direction`, minimize or maximize, or several
        `objectives` as `{metric: direction}`. `sampler` and `pruner` are their kinds, or mappings with options.
        `timeout` is for the whole search: in seconds, a timedelta, or text such as "2h"; `time_limit` for each trial.
        From `script` on, all is as in `client.jobs.submit`.

        Raises Invalid, naming each field, and `himalia.client.snapshot.SnapshotError`.
        """
        where = await self._api.project(project)
        if (metric is None) == (objectives is None):
            raise Invalid("Give the metric that is to be better, or several objectives.")
        fields = {
            "arguments": [str(word) for word in arguments],
            "parameters": dict(parameters or {}),
            "inputs": submission.references(inputs),
            "profile": profile,
            "size": size,
            "environment": environment,
            "env": dict(env or {}),
            "secrets": [secrets] if isinstance(secrets, str) else [*secrets],
            "retries": retries,
            "time_limit_s": submission.seconds(time_limit),
        }
        code = submission.Code(notebook, script, command, folder)
        wanted = {metric: direction} if metric is not None else dict(objectives or {})
        spec = {
            "job": await submission.job_spec(self._api, where, code, requirements, fields),
            "space": space_of(space),
            "objectives": [{"metric": one, "direction": way} for one, way in wanted.items()],
            "sampler": {"kind": sampler} if isinstance(sampler, str) else sampler,
            "pruner": {"kind": pruner} if isinstance(pruner, str) else pruner,
            "trials": trials,
            "parallel": parallel,
            "fresh_kernel": fresh_kernel,
            "timeout_s": submission.seconds(timeout),
            "max_failures": max_failures,
        }
        body = {"labels": dict(labels or {}), "spec": {k: v for k, v in spec.items() if v is not None}}
        if name is not None:
            body["name"] = name
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        path = escaped("projects", where, "experiments")
        return self._make(await self._api.call("POST", path, body=body, headers=headers))

    async def get(self, experiment: str | E, *, project: str | None = None) -> E:
        """The experiment as it is now. Raises NotFound."""
        return self._now(experiment, await self._api.call("GET", await self._path(experiment, project)))

    async def list(
        self,
        *,
        state: str | Iterable[str] | None = None,
        text: str | None = None,
        label: Mapping[str, str] | None = None,
        deleted: bool = False,
        project: str | None = None,
    ) -> AsyncGenerator[E, None]:
        """The experiments, newest first: those in a `state`, with `text` in their name, with these labels."""
        async with closing(self._listed(project, state, text, label, deleted)) as found:
            async for one in found:
                yield one

    async def stop(self, experiment: str | E, *, project: str | None = None) -> E:
        """End the search and the trials that run; `resume` goes on. Raises WrongState when it has ended."""
        path = await self._path(experiment, project)
        return self._now(experiment, await self._api.call("POST", f"{path}/stop"))

    async def resume(
        self,
        experiment: str | E,
        *,
        trials: int | None = None,
        parallel: int | None = None,
        project: str | None = None,
    ) -> E:
        """Go on with a search that has ended; with `trials` in all, where those asked for are done."""
        body = {"trials": trials, "parallel": parallel}
        sent = {field: value for field, value in body.items() if value is not None}
        path = await self._path(experiment, project)
        return self._now(experiment, await self._api.call("POST", f"{path}/resume", body=sent))

    async def update(
        self,
        experiment: str | E,
        *,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        project: str | None = None,
    ) -> E:
        """Rename or label the experiment. Given as an object, it must not have been changed since: raises Stale."""
        return await self._changed(experiment, name, labels, project)

    async def delete(self, experiment: str | E, *, cascade: bool = False, project: str | None = None) -> None:
        """Delete it with its trials; it can be restored for 30 days. `cascade` stops it first if it runs."""
        await self._deleted(experiment, cascade, project)

    async def restore(self, experiment: str | E, *, name: str | None = None, project: str | None = None) -> E:
        """Bring a deleted experiment back, by its name or id; under a new `name` where the old one is taken."""
        return await self._restored(experiment, name, project)

    async def trials(
        self,
        experiment: str | E,
        *,
        state: str | Iterable[str] | None = None,
        project: str | None = None,
    ) -> builtins.list[Trial]:
        """The trials by number. For pandas: `DataFrame([trial.to_dict() for trial in experiment.trials()])`."""
        states = [state] if isinstance(state, str) else [*(state or ())]
        path = await self._path(experiment, project) + "/trials"
        params = {"state": [one.upper() for one in states], "limit": MANY}
        async with closing(self._api.pages(path, params)) as found:
            return [Trial(one) async for one in found]

    async def best(self, experiment: str | E, *, project: str | None = None) -> builtins.list[Trial]:
        """The best trial; with several objectives, all that no other beats; none while none is complete."""
        path = await self._path(experiment, project) + "/best"
        return [Trial(one) for one in items(await self._api.call("GET", path))]

    async def stop_trial(self, experiment: str | E, number: int, *, project: str | None = None) -> Trial:
        """Ask one trial to end; the search goes on with another."""
        path = await self._path(experiment, project) + f"/trials/{int(number)}/stop"
        return Trial(await self._api.call("POST", path))

    async def plot(
        self, experiment: str | E, kind: str, *, project: str | None = None
    ) -> builtins.list[dict[str, Any]]:
        """Rows of a plot: history, parallel, importance, slice, pareto or intermediate."""
        path = await self._path(experiment, project) + escaped("plots", kind)
        rows: list[dict[str, Any]] = (await self._api.call("GET", path))["rows"]
        return rows

    async def follow(
        self, experiment: str | E, *, timeout: float | None = None, project: str | None = None
    ) -> AsyncGenerator[E, None]:
        """The experiment whenever something of it has changed, until it has ended.

        `timeout` is in seconds; raises WaitTimeout.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        found = await self.get(experiment, project=project)
        yield found
        watch = Watch(self._api, f"experiment:{found.id}", deadline)
        async with closing(watch.messages()) as messages:
            async for _ in messages:
                found = await self.get(found)
                yield found
                if found.ended:
                    return

    async def wait(
        self, experiment: str | E, *, timeout: float | None = None, project: str | None = None
    ) -> E:
        """Wait until the search has ended, however it did. `timeout` is in seconds; raises WaitTimeout."""
        last = await self.get(experiment, project=project)
        if last.ended:
            return last
        try:
            async with closing(self.follow(last, timeout=timeout)) as changes:
                async for found in changes:
                    last = found
        except WaitTimeout as error:
            raise WaitTimeout(f"The search {last.name} has not ended in time: it is {last.state}.") from error
        return last


class Experiments:
    """`client.experiments`."""

    def __init__(self, api: Api) -> None:
        self._verbs: ExperimentVerbs[Experiment] = ExperimentVerbs(api, lambda data: Experiment(data, self))

    search = blocking(ExperimentVerbs["Experiment"].search)
    get = blocking(ExperimentVerbs["Experiment"].get)
    list = blocking_items(ExperimentVerbs["Experiment"].list)
    stop = blocking(ExperimentVerbs["Experiment"].stop)
    resume = blocking(ExperimentVerbs["Experiment"].resume)
    update = blocking(ExperimentVerbs["Experiment"].update)
    delete = blocking(ExperimentVerbs["Experiment"].delete)
    restore = blocking(ExperimentVerbs["Experiment"].restore)
    trials = blocking(ExperimentVerbs["Experiment"].trials)
    best = blocking(ExperimentVerbs["Experiment"].best)
    stop_trial = blocking(ExperimentVerbs["Experiment"].stop_trial)
    plot = blocking(ExperimentVerbs["Experiment"].plot)
    follow = blocking_items(ExperimentVerbs["Experiment"].follow)
    wait = blocking(ExperimentVerbs["Experiment"].wait)


class Experiment(ExperimentRecord):
    """An experiment of a `Client`; its methods bring it up to date."""

    refresh = bound(Experiments.get)
    stop = bound(Experiments.stop)
    resume = bound(Experiments.resume)
    update = bound(Experiments.update)
    delete = bound(Experiments.delete)
    restore = bound(Experiments.restore)
    trials = bound(Experiments.trials)
    best = bound(Experiments.best)
    stop_trial = bound(Experiments.stop_trial)
    plot = bound(Experiments.plot)
    follow = bound(Experiments.follow)
    wait = bound(Experiments.wait)


class AsyncExperiment(ExperimentRecord):
    """An experiment of an `AsyncClient`; its methods are awaited and bring it up to date."""

    refresh = bound(ExperimentVerbs["AsyncExperiment"].get)
    stop = bound(ExperimentVerbs["AsyncExperiment"].stop)
    resume = bound(ExperimentVerbs["AsyncExperiment"].resume)
    update = bound(ExperimentVerbs["AsyncExperiment"].update)
    delete = bound(ExperimentVerbs["AsyncExperiment"].delete)
    restore = bound(ExperimentVerbs["AsyncExperiment"].restore)
    trials = bound(ExperimentVerbs["AsyncExperiment"].trials)
    best = bound(ExperimentVerbs["AsyncExperiment"].best)
    stop_trial = bound(ExperimentVerbs["AsyncExperiment"].stop_trial)
    plot = bound(ExperimentVerbs["AsyncExperiment"].plot)
    follow = bound(ExperimentVerbs["AsyncExperiment"].follow)
    wait = bound(ExperimentVerbs["AsyncExperiment"].wait)


def async_experiments(api: Api) -> ExperimentVerbs[AsyncExperiment]:
    """`client.experiments` of an `AsyncClient`."""
    verbs: ExperimentVerbs[AsyncExperiment] = ExperimentVerbs(api, lambda data: AsyncExperiment(data, verbs))
    return verbs
