"""What the API shows of experiments and their trials."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

from himalia.core.schema import Body, Labels, Name, VariableName, Who
from himalia.experiments import space as spaces
from himalia.jobs.schema import JobSpec

ExperimentState = Literal["RUNNING", "STOPPED", "COMPLETE", "FAILED"]
TrialState = Literal["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAILED", "STOPPED"]
PlotKind = Literal["history", "parallel", "importance", "slice", "pareto", "intermediate"]
Direction = Literal["minimize", "maximize"]
Choice = (
    bool
    | Annotated[int, Field(gt=-(2**63), lt=2**63)]
    | Annotated[float, Field(allow_inf_nan=False)]
    | Annotated[str, StringConstraints(max_length=1000)]
    | None
)
Bound = Annotated[float, Field(allow_inf_nan=False, ge=-1e300, le=1e300)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
MetricName = Annotated[str, StringConstraints(min_length=1, max_length=250, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Parameter(Body):
    """What values a parameter may take: a range with `low` and `high`, both included, or `choices`.

    `log` draws evenly over orders of magnitude; `step` is the distance of allowed values from `low` on. `when`
    names values of other parameters, of which one each must be there; else the parameter is left out.
    """

    kind: Literal["float", "int", "categorical"]
    low: Bound | None = None
    high: Bound | None = None
    log: bool = False
    step: Annotated[float | None, Field(gt=0, le=1e300, allow_inf_nan=False)] = None
    choices: Annotated[list[Choice] | None, Field(min_length=1, max_length=1000)] = None
    when: Annotated[dict[VariableName, Choice | list[Choice]], Field(max_length=10)] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _sound(self) -> Parameter:
        spaces.check_parameter(self.model_dump())
        return self


class Objective(Body):
    """The metric that a trial logs, and which of its values are better."""

    metric: MetricName
    direction: Direction = "minimize"


class SamplerSpec(Body):
    """How the next values are chosen. The same `seed` chooses the same values; one is drawn where none is given.

    `startup_trials` are drawn at random before a model is used (tpe, gp, cmaes); `population` is the size of a
    generation (nsga2, cmaes).
    """

    kind: Literal["tpe", "cmaes", "random", "grid", "qmc", "nsga2", "gp"] = "tpe"
    seed: Seed | None = None
    startup_trials: Annotated[int | None, Field(ge=1, le=10_000)] = None
    population: Annotated[int | None, Field(ge=2, le=1000)] = None


class PrunerSpec(Body):
    """When a trial that does badly is asked to end early.

    A trial is compared with those that ran to their end: not before its step `warmup_steps`, and not while fewer than
    `startup_trials` of them reached that step (median). `min_resource` and `max_resource` are the
    first and last step at which trials are compared, of which one in `reduction_factor` goes on (hyperband, halving).
    """

    kind: Literal["none", "median", "hyperband", "halving"] = "none"
    startup_trials: Annotated[int, Field(ge=0, le=10_000)] = 5
    warmup_steps: Annotated[int, Field(ge=0, le=10**9)] = 10
    min_resource: Annotated[int, Field(ge=1, le=10**9)] = 1
    max_resource: Annotated[int | None, Field(ge=1, le=10**9)] = None
    reduction_factor: Annotated[int, Field(ge=2, le=100)] = 3


class ExperimentSpec(Body):
    """What to search: the job that each trial is, the space of its parameters, and what is better.

    A notebook gets a trial's values as its parameters, a script or command as `--name value` behind its own
    arguments. `timeout_s` is the time after which no new trial begins; `max_failures` how many trials may fail in a
    row before the search gives up. `fresh_kernel` gives each trial of a notebook a kernel of its own.
    """

    job: JobSpec
    space: Annotated[dict[VariableName, Parameter], Field(min_length=1, max_length=100)]
    objectives: Annotated[list[Objective], Field(min_length=1, max_length=5)]
    sampler: SamplerSpec = Field(default_factory=SamplerSpec)
    pruner: PrunerSpec = Field(default_factory=PrunerSpec)
    trials: Annotated[int, Field(ge=1, le=10_000)] = 30
    parallel: Annotated[int, Field(ge=1, le=64)] = 2
    fresh_kernel: bool = False
    timeout_s: Annotated[float | None, Field(gt=0, le=365 * 86_400, allow_inf_nan=False)] = None
    max_failures: Annotated[int, Field(ge=1, le=1000)] = 5

    @model_validator(mode="after")
    def _fits_together(self) -> ExperimentSpec:
        space = {name: parameter.model_dump() for name, parameter in self.space.items()}
        spaces.check_space(space)
        if fixed := sorted(set(self.space) & set(self.job.parameters)):
            raise ValueError(f"{', '.join(fixed)} is searched, so it cannot be given to the job as well")
        metrics = [objective.metric for objective in self.objectives]
        if len(set(metrics)) < len(metrics):
            raise ValueError("each objective needs a metric of its own")
        if len(metrics) > 1 and self.pruner.kind != "none":
            raise ValueError("a search with several objectives cannot prune; leave the pruner out")
        if len(metrics) > 1 and self.sampler.kind == "cmaes":
            raise ValueError("cmaes has one objective; for several, use tpe or nsga2")
        if self.sampler.kind == "grid":
            spaces.check_grid(space)
        return self


class TrialCounts(BaseModel):
    """How many trials are in each state."""

    waiting: int = 0
    running: int = 0
    complete: int = 0
    pruned: int = 0
    failed: int = 0
    stopped: int = 0


class Best(BaseModel):
    """A trial that no other beats, with its values in the order of the objectives."""

    number: int
    values: list[float]
    parameters: dict[str, Any]


class ExperimentStatus(BaseModel):
    """What was seen. `best` has one trial; with several objectives the first few that no other beats.

    `done` of `total` trials have ended as they should or failed; a stopped one counts for neither.
    """

    state: ExperimentState
    reason: str | None = None
    message: str | None = None
    counts: TrialCounts
    done: int
    total: int
    best: list[Best] = Field(default_factory=list)
    started_at: datetime
    ended_at: datetime | None = None
    deleted_at: datetime | None = None


class Experiment(BaseModel):
    """A search."""

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


class Trial(BaseModel):
    """One try of a search. `values` are the objectives' in their order; of a pruned trial the last that it had.

    `pruned_step` is the step at which it was asked to end early; `job` the name of its job.
    """

    number: int
    state: TrialState
    parameters: dict[str, Any]
    values: list[float] | None
    message: str | None
    job: str
    job_id: str
    pruned_step: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class ExperimentCreate(Body):
    """Without `name` one is made from the notebook, script or command."""

    name: Name | None = None
    labels: Labels = Field(default_factory=dict)
    spec: ExperimentSpec


class ExperimentUpdate(Body):
    name: Name | None = None
    labels: Labels | None = None


class ExperimentResume(Body):
    """What is different from here on: how many trials in all, how many at once."""

    trials: Annotated[int | None, Field(ge=1, le=10_000)] = None
    parallel: Annotated[int | None, Field(ge=1, le=64)] = None


class Plot(BaseModel):
    """Rows for Vega-Lite, one object a mark; `note` says why there are none."""

    kind: PlotKind
    rows: list[dict[str, Any]]
    note: str | None = None
