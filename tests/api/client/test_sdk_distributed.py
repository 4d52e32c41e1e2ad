"""Distributed jobs by the SDK and the command, against a running platform: plain sockets and torchrun's variables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from client_harness import Run
from platforms import ROOT

import himalia.client as himalia
from himalia.client import errors

AVERAGE = ROOT / "examples" / "distributed" / "average.py"


def test_ranks_learn_together_and_each_has_log_metrics_and_outputs(client: himalia.Client) -> None:
    job = client.jobs.submit(script=AVERAGE, replicas=2).wait(timeout=120)
    assert (job.state, job.spec.replicas) == ("SUCCEEDED", 2), (job, "".join(job.log()))
    first, second = ("".join(job.log(rank=rank)).splitlines()[-1] for rank in (0, 1))
    assert first.startswith("rank 0 of 2: y = ")
    assert second.replace("rank 1", "rank 0") == first, "they have come to the same line"
    own, other = job.metrics()[0].points, job.metrics(rank=1)[0].points
    assert len(own) == len(other) == 60
    assert own != other, "each has points of its own"
    assert job.status.metrics == {"loss": own[-1][1]}, "those of rank 0 are the job's"
    assert [file.path for file in job.outputs()] == ["outputs/line.txt", "rank-1/outputs/line.txt"]
    ranks = job.status.attempts[0].ranks
    assert [(one.rank, one.state, one.exit_code) for one in ranks] == [
        (0, "SUCCEEDED", 0),
        (1, "SUCCEEDED", 0),
    ]
    assert all(one.started_at and one.ended_at and one.log_bytes for one in ranks)


def test_one_that_fails_ends_the_others_and_is_named(client: himalia.Client) -> None:
    script = '[ "$RANK" = 1 ] && exit 3; sleep 600'
    job = client.jobs.submit(command=["sh", "-c", script], replicas=2).wait(timeout=60)
    assert (job.state, job.status.reason) == ("FAILED", "user_error")
    assert job.status.message == "Rank 1: It ended with exit code 3."
    assert [one.reason for one in job.status.attempts[0].ranks] == ["peer_failed", "user_error"]


def test_with_a_retry_all_start_again(client: himalia.Client) -> None:
    script = 'echo "$RANK.$HIMALIA_ATTEMPT"; [ "$RANK.$HIMALIA_ATTEMPT" = 1.1 ] && exit 3; exit 0'
    job = client.jobs.submit(command=["sh", "-c", script], replicas=2, retries=1).wait(timeout=60)
    assert (job.state, job.status.attempt) == ("SUCCEEDED", 2)
    assert "".join(job.log(rank=1, attempt=1)) == "1.1\n"
    assert "".join(job.log(rank=1)) == "1.2\n"


def test_more_than_there_is_is_refused_with_a_sentence(client: himalia.Client) -> None:
    with pytest.raises(errors.Invalid, match=r"64 times .* more than all machines"):
        client.jobs.submit(command=["true"], replicas=64)
    with pytest.raises(errors.Invalid, match="replicas"):
        client.jobs.submit(command=["true"], replicas=65)


def test_the_command_shows_ranks(run: Run) -> None:
    done = run("jobs", "submit", str(AVERAGE), "--replicas", "2", "-f")
    assert "rank 0 of 2: y = " in done.stdout
    assert "rank 1 of 2: y = " in run("jobs", "log", "average", "--rank", "1").stdout
    assert "loss" in run("jobs", "metrics", "average", "--rank", "1").stdout
    shown = run("jobs", "show", "average").stdout
    assert "Replicas:" in shown
    assert "MACHINE" in shown


def test_the_example_runs_alone_as_well(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(AVERAGE)], capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path
    )
    assert done.stdout.startswith("rank 0 of 1: y = ")
