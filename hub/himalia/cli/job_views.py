"""Jobs as people read them: lists, one in full, metrics, and several side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from himalia.cli.output import duration, print_table, printable, say, size
from himalia.cli.session import ago
from himalia.client.jobs import JobRecord
from himalia.client.records import Rank, Series


def what(job: JobRecord) -> str:
    """What the job runs, in a few words."""
    spec = job.spec
    return spec.notebook or " ".join([spec.script or "", *spec.arguments]).strip() or " ".join(spec.command)


def sentence(job: JobRecord) -> str:
    """Why the job is where it is."""
    status = job.status
    if status.message:
        return status.message
    if status.queue is not None:
        return status.queue.message
    return progress(status.progress or {}) if status.state in ("STARTING", "RUNNING") else status.reason or ""


def progress(data: Any) -> str:
    """What a job says of itself: `cell 3 of 12: loading`."""
    cell = f"cell {data['cell']} of {data['cells']}" if data.get("cells") else ""
    return ": ".join(part for part in (cell, str(data.get("message") or "")) if part)


def place(machine: str | None, devices: Mapping[str, Sequence[str]]) -> str:
    """Where it is or was: `node-1, nvidia.com/gpu 0 and 2`."""
    given = [f"{name} {' and '.join(named)}".rstrip() for name, named in devices.items()]
    return ", ".join([machine or "", *given]) if machine else ""


def lasted(job: JobRecord) -> str:
    """How long the job ran, or has run."""
    return "" if job.duration_s is None else duration(job.duration_s)


def job_list(jobs: Iterable[JobRecord]) -> None:
    """A table of jobs."""
    rows = [
        (job.name, job.state, ago(job.created_at), lasted(job), job.created_by.name, sentence(job))
        for job in jobs
    ]
    if rows:
        print_table(("NAME", "STATE", "SUBMITTED", "DURATION", "BY", ""), rows)
    else:
        say("There are no such jobs. Submit one with: himalia jobs submit NOTEBOOK")


def job_in_full(job: JobRecord) -> None:
    """Everything worth knowing of one job."""
    spec, status = job.spec, job.status
    last = status.attempts[-1] if status.attempts else None
    memory = last.usage.max_memory_bytes if last is not None else None
    lines = [
        ("Name", f"{job.project}/{job.name}"),
        ("State", job.state + (f" ({status.reason})" if status.reason else "")),
        ("", sentence(job)),
        ("Runs", what(job)),
        ("Parameters", _assignments(spec.parameters)),
        ("Profile", f"{spec.profile} {spec.size or ''}".strip()),
        ("Replicas", str(spec.replicas) if spec.replicas > 1 else ""),
        ("Requirements", spec.requirements or ""),
        ("Secrets", ", ".join(spec.secrets)),
        ("Labels", ", ".join(f"{key}={value}" for key, value in job.labels.items())),
        ("Submitted", f"{ago(job.created_at)} by {job.created_by.name}"),
        ("Duration", lasted(job)),
        ("Machine", "" if last is None else place(last.machine, last.devices)),
        ("Attempt", f"{status.attempt}" if status.attempt > 1 else ""),
        ("Exit code", "" if last is None or last.exit_code is None else str(last.exit_code)),
        ("Memory", "" if memory is None else f"{size(memory)} at most"),
        ("Metrics", _assignments(status.metrics)),
        ("Outputs", f"{status.outputs.count} files, {size(status.outputs.size)}" if status.outputs else ""),
    ]
    for title, text in lines:
        if text:
            say(f"{title + ':' if title else '':<14}{printable(text)}")
    if last is not None and last.ranks:
        rank_list(last.ranks)


def rank_list(ranks: Iterable[Rank]) -> None:
    """A table of the ranks of a distributed job's attempt."""
    rows = [
        (
            str(one.rank),
            one.state,
            place(one.machine, one.devices),
            _whole(one.exit_code),
            one.message or one.reason or "",
        )
        for one in ranks
    ]
    print_table(("RANK", "STATE", "MACHINE", "EXIT", ""), rows)


def _whole(number: int | None) -> str:
    return "" if number is None else str(number)


def _assignments(values: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {_plain(value)}" for name, value in values.items())


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def metric_list(series: Sequence[Series]) -> None:
    """Each metric with its last, least and greatest value."""
    rows = []
    for one in series:
        values = [value for _, value, _ in one.points if value is not None]
        last = one.points[-1][1] if one.points else None
        rows.append((one.name, len(one.points), _number(last), *map(_number, _extremes(values))))
    print_table(("METRIC", "POINTS", "LAST", "LEAST", "GREATEST"), rows)


def _extremes(values: Sequence[float]) -> tuple[float | None, float | None]:
    return (min(values), max(values)) if values else (None, None)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def comparison(jobs: Sequence[JobRecord]) -> dict[str, list[str]]:
    """Rows of a table of jobs side by side: their states, durations, parameters and latest metrics."""
    rows = {
        "state": [job.state for job in jobs],
        "duration": [lasted(job) for job in jobs],
        "runs": [what(job) for job in jobs],
        "profile": [f"{job.spec.profile} {job.spec.size or ''}".strip() for job in jobs],
        "code": [(job.spec.snapshot or "")[:12] for job in jobs],
    }
    for kind, of in (
        ("parameter", [j.spec.parameters for j in jobs]),
        ("metric", [j.status.metrics for j in jobs]),
    ):
        for name in dict.fromkeys(name for values in of for name in values):
            rows[f"{kind} {name}"] = [_plain(values[name]) if name in values else "" for values in of]
    return rows


def side_by_side(jobs: Sequence[JobRecord]) -> None:
    """Jobs as columns; rows that differ are marked."""
    rows = [
        ("≠" if len(set(cells)) > 1 else "", title, *cells)
        for title, cells in comparison(jobs).items()
        if any(cells)
    ]
    print_table(("", "", *(job.name for job in jobs)), rows)
