"""Jobs through the SDK, against a real platform."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from blake3 import blake3
from platforms import Person, Running
from processes import kill

import himalia
from himalia.client import errors, following
from himalia.client.following import Changed, LogText, Progress
from himalia.client.transport import BlockingTransport, Request, Stream

SH = ["sh", "-c"]


def test_a_notebook_from_submission_to_results(client: himalia.Client, folder: Path, tmp_path: Path) -> None:
    job = client.jobs.submit(folder / "train.ipynb", parameters={"steps": 3}, labels={"kind": "test"})
    assert (job.name, job.state, job.spec.parameters) == ("train", "QUEUED", {"steps": 3})
    assert job.wait(timeout=60) is job
    assert job.state == "SUCCEEDED", job.status.message
    assert job.status.metrics == pytest.approx({"loss": 1 / 3})
    assert "step 2\n" in "".join(job.log())
    assert {file.path for file in job.outputs()} == {"made.txt", "outputs/train.html", "outputs/train.ipynb"}
    saved = job.download("made.txt", tmp_path)
    assert saved.read_text() == "üüü"
    assert job.download("made.txt", tmp_path / "other.txt").read_text() == "üüü"
    everything = job.download_all(tmp_path / "all")
    assert tmp_path / "all" / "outputs" / "train.html" in everything
    assert [[step, value] for step, value, _ in job.metrics()[0].points] == [[0, 1], [1, 0.5], [2, 1 / 3]]
    assert [event.kind for event in job.events()][:2] == ["job.created", "job.changed"]
    assert job.status.attempts[0].exit_code == 0
    assert job.duration_s is not None
    shown = job._repr_html_()
    assert "train.ipynb" in shown
    assert "SUCCEEDED" in shown


class Counting(BlockingTransport):
    """Counts the uploads."""

    uploads = 0

    async def open(self, request: Request) -> Stream:
        self.uploads += request.method == "PUT"
        return await super().open(request)


def test_only_what_changed_is_sent(client: himalia.Client, folder: Path) -> None:
    counting = Counting(client.place)
    client._api.transport = counting
    for number in range(20):
        (folder / f"data{number}.txt").write_text(f"{client.project} {number}")
    first = client.jobs.submit(script=_script(folder, "print(1)"))
    assert counting.uploads == 23
    again = client.jobs.submit(script=folder / "go.py")
    assert (counting.uploads, again.spec.snapshot) == (23, first.spec.snapshot)
    (folder / "data7.txt").write_text("changed")
    third = client.jobs.submit(script=folder / "go.py")
    assert counting.uploads == 24
    assert third.spec.snapshot != first.spec.snapshot
    for job in (first, again, third):
        job.delete(cascade=True)
    counting._http.close()


def _script(folder: Path, text: str) -> Path:
    (folder / "go.py").write_text(text)
    return folder / "go.py"


def test_a_script_gets_its_arguments_environment_and_secret(client: himalia.Client, folder: Path) -> None:
    client.secrets.set("API_KEY", "hidden-value")
    text = "import os, sys, steps\nprint(sys.argv[1:], os.environ['COLOUR'], len(os.environ['API_KEY']))"
    job = client.jobs.submit(
        script=_script(folder, text), arguments=["--x", "a b"], env={"COLOUR": "blue"}, secrets=["API_KEY"]
    ).wait(timeout=30)
    assert "".join(job.log()) == "['--x', 'a b'] blue 12\n"
    assert job.state == "SUCCEEDED"


def test_following_shows_everything_in_order(client: himalia.Client, folder: Path) -> None:
    job = client.jobs.submit(folder / "train.ipynb", parameters={"steps": 4})
    updates = list(client.jobs.follow(job))
    text = "".join(update.text for update in updates if isinstance(update, LogText))
    assert [line for line in text.splitlines() if line.startswith("step")] == [f"step {n}" for n in range(4)]
    states = [update.job["status"]["state"] for update in updates if isinstance(update, Changed)]
    # The first look may come after the start; none is shown out of order.
    life = ["QUEUED", "STARTING", "RUNNING", "SUCCEEDED"]
    places = [life.index(state) for state in states]
    assert places == sorted(places)
    assert states[-1] == "SUCCEEDED"
    assert any(isinstance(update, Progress) and update.data.get("cells") for update in updates)
    assert text == "".join(client.jobs.log(job.name))


def test_a_log_is_followed_while_it_grows(client: himalia.Client, tmp_path: Path) -> None:
    # The job waits for a word from here, so that the first line must come before the end.
    script = tmp_path / "s" / "go.py"
    script.parent.mkdir()
    script.write_text(
        "import signal\n"
        "signal.signal(15, lambda *_: print('stopped ü') or exit(0))\n"
        "print('one', flush=True)\n"
        "signal.pause()\n"
    )
    job = client.jobs.submit(script=script)
    pieces = job.log(follow=True)
    seen = ""
    while "one\n" not in seen:
        seen += next(pieces)
    job.stop()
    seen += "".join(pieces)
    assert seen == "one\nstopped ü\n"
    assert job.refresh().state in ("STOPPED", "SUCCEEDED")


def test_a_long_log_arrives_whole(client: himalia.Client) -> None:
    line = "awk 'BEGIN { for (i = 0; i < 200000; i++) print i, \"äöü€𝄞\" }'; sleep 1"
    job = client.jobs.submit(command=[*SH, line])
    followed = "".join(job.log(follow=True))
    assert followed == "".join(f"{number} äöü€𝄞\n" for number in range(200_000))
    assert followed == "".join(job.log())


def test_a_failure_and_its_next_attempt(client: himalia.Client) -> None:
    job = client.jobs.submit(
        command=[*SH, "echo try $HIMALIA_ATTEMPT; exit $((3 - $HIMALIA_ATTEMPT * 3 / 2))"], retries=1
    )
    assert "".join(job.log(follow=True)) == "try 1\ntry 2\n"
    job.refresh()
    assert (job.state, job.status.attempt, [a.exit_code for a in job.status.attempts]) == (
        "SUCCEEDED",
        2,
        [2, 0],
    )
    assert "".join(job.log(attempt=1)) == "try 1\n"
    with pytest.raises(errors.WrongState):
        job.retry()


def test_a_job_that_ended_unseen_is_logged_from_its_first_attempt_on(client: himalia.Client) -> None:
    job = client.jobs.submit(command=[*SH, "echo try $HIMALIA_ATTEMPT; exit 1"], retries=2)
    client.jobs.wait(job.name, timeout=60)
    assert "".join(job.log(follow=True)) == "try 1\ntry 2\ntry 3\n"


def test_retry_and_rerun(client: himalia.Client) -> None:
    job = client.jobs.submit(command=["false"], name="no").wait(timeout=30)
    assert (job.state, job.status.reason) == ("FAILED", "user_error")
    assert job.retry().wait(timeout=30).status.attempt == 2
    again = job.rerun(name="no-again")
    assert again.name == "no-again"
    assert again.wait(timeout=30).spec.command == ["false"]
    with pytest.raises(errors.NameInUse):
        job.rerun(name="no")


def test_stopping_waits_for_nothing_and_says_why(client: himalia.Client) -> None:
    job = client.jobs.submit(command=["sleep", "60"])
    with pytest.raises(errors.WaitTimeout, match="has not ended in time"):
        job.wait(timeout=0.5)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        client.jobs.wait(job.name, timeout=1)
    assert 0.9 < time.monotonic() - began < 3
    assert client.jobs.stop(job).state in ("STOPPING", "STOPPED")
    assert job.wait(timeout=20).status.reason == "stopped_by_user"


def test_changing_deleting_and_restoring(client: himalia.Client) -> None:
    job = client.jobs.submit(command=["true"], name="first", labels={"a": "1"})
    job.wait(timeout=30)
    other = client.jobs.get("first")
    assert job.update(labels={"a": "2"}).labels == {"a": "2"}
    with pytest.raises(errors.Stale):
        other.update(labels={})
    assert job.update(name="second").name == "second"
    with pytest.raises(errors.NotFound):
        client.jobs.get("first")
    job.delete()
    assert [deleted.name for deleted in client.jobs.list(deleted=True)] == ["second"]
    client.jobs.submit(command=["true"], name="second").wait(timeout=30)
    with pytest.raises(errors.NameInUse):
        job.restore()
    assert job.restore(name="third").name == "third"


def test_lists_are_filtered_and_go_over_pages(client: himalia.Client) -> None:
    for number in range(52):
        client.jobs.submit(
            command=["true"], profile="base", name=f"n{number}", labels={"odd": str(number % 2)}
        )
    assert [job.name for job in client.jobs.list()] == [f"n{number}" for number in reversed(range(52))]
    assert len(list(client.jobs.list(label={"odd": "1"}))) == 26
    assert [job.name for job in client.jobs.list(text="N5")] == ["n51", "n50", "n5"]
    client.jobs.wait("n51", timeout=60)
    assert "n51" in [job.name for job in client.jobs.list(state=["succeeded", "failed"])]


def test_mistakes_are_named(client: himalia.Client, folder: Path) -> None:
    with pytest.raises(errors.Invalid) as caught:
        client.jobs.submit(command=["true"], name="No Good", retries=99)
    assert {field["field"] for field in caught.value.fields} >= {"name"}
    with pytest.raises(errors.Invalid, match="profile"):
        client.jobs.submit(command=["true"], profile="no-such")
    with pytest.raises(errors.Invalid, match="There is no secret named"):
        client.jobs.submit(command=["true"], secrets=["MISSING"])
    with pytest.raises(errors.NotFound):
        client.jobs.get("no-such")
    (folder / ".env").write_text("KEY=x")
    with pytest.raises(ValueError, match="secrets of the project"):
        client.jobs.submit(folder / "train.ipynb")
    job = client.jobs.submit(command=["true"]).wait(timeout=30)
    with pytest.raises(errors.NotFound, match=r"no output nothing\.txt"):
        job.download("nothing.txt")


@pytest.fixture
def own_platform(environments: Path) -> Iterator[Running]:
    """A platform whose parts may be killed."""
    running = Running()
    try:
        yield running.up()
    finally:
        running.remove()


@pytest.mark.slow
def test_waiting_goes_on_when_the_service_is_killed(
    own_platform: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "SILENCE_S", 3.0)  # the proxy does not tell that the service is gone
    person = Person(own_platform, "admin")
    person.close()
    with himalia.Client(own_platform.url, person.token) as client:
        job = client.jobs.submit(command=[*SH, "sleep 3; echo done"])
        next(update for update in client.jobs.follow(job) if job.state == "RUNNING")
        timer = threading.Timer(0.5, lambda: kill(_service(own_platform)))
        timer.start()
        assert job.wait(timeout=60).state == "SUCCEEDED"
        timer.join()
        assert "".join(job.log()) == "done\n"
        # And what is submitted right after a kill is made once.
        kill(_service(own_platform))
        made = client.jobs.submit(command=["true"], profile="base", name="after-kill")
        assert made.wait(timeout=60).state == "SUCCEEDED"
        assert [one.name for one in client.jobs.list(text="after-kill")] == ["after-kill"]


def _service(platform: Running) -> int:
    for folder in Path("/proc").iterdir():
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"himalia.app" in words and str(platform.home).encode() in words:
            return int(folder.name)
    raise AssertionError("the service does not run")


def test_a_job_calls_the_platform_through_its_socket(client: himalia.Client, tmp_path: Path) -> None:
    script = tmp_path / "s" / "parent.py"
    script.parent.mkdir()
    script.write_text(
        "import himalia\n"
        "with himalia.Client() as client:\n"
        "    child = client.jobs.submit(command=['echo', 'from the child'], name='child')\n"
        "    print(child.project, child.state)\n"
    )
    parent = client.jobs.submit(script=script, permissions=["submit"]).wait(timeout=30)
    assert "".join(parent.log()) == f"{client.project} QUEUED\n"
    child = client.jobs.wait("child", timeout=30)
    assert "".join(child.log()) == "from the child\n"
    refused = client.jobs.submit(script=script).wait(timeout=30)
    assert refused.state == "FAILED"
    assert "Forbidden" in "".join(refused.log())


def test_outputs_are_checked_and_stay_where_they_belong(client: himalia.Client, tmp_path: Path) -> None:
    job = client.jobs.submit(
        command=[*SH, "mkdir -p 'outputs/a b'; head -c 3000000 /dev/urandom > 'outputs/a b/#ü?.bin'"]
    )
    job.wait(timeout=30)
    [file] = job.outputs()
    assert (file.path, file.size) == ("outputs/a b/#ü?.bin", 3_000_000)
    saved = job.download(file.path, tmp_path)
    assert blake3(saved.read_bytes()).hexdigest() == file.digest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["#ü?.bin"]


def test_no_token_no_entry(ada: Person) -> None:
    with (
        himalia.Client(ada.platform.url, "him_user_wrong") as stranger,
        pytest.raises(errors.Unauthenticated),
    ):
        stranger.whoami()
    assert httpx.get(f"{ada.platform.url}/services/himalia/api/v1/whoami").status_code == 401
