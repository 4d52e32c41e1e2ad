"""Endpoints through the SDK and the command, against a real platform."""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import time
from pathlib import Path

import pandas
import pytest
from client_harness import Run
from endpoint_models import times
from platforms import Person

import himalia
from himalia.client import errors, inference


def test_a_model_folder_from_deployment_to_deletion(client: himalia.Client, tmp_path: Path) -> None:
    endpoint = client.endpoints.deploy(
        folder=times(tmp_path, 2), name="double", profile="base", labels={"kind": "test"}
    )
    assert endpoint.wait(timeout=60).state == "READY"
    assert "double: READY" in repr(endpoint)
    assert "Revision 1" in endpoint._repr_html_()
    assert client.endpoints.predict("double", {"x": [1.5, 2]}) == [3.0, 4.0]
    assert endpoint.predict([1]) == [2.0]
    with pytest.raises(errors.Invalid, match="no input z; it takes x"):
        endpoint.predict({"z": [1]})
    token = endpoint.create_token("a caller", expires_in_s=600)
    assert endpoint.predict([4], token=token.token) == [8.0]
    endpoint.revoke_token(token)
    with pytest.raises(errors.HimaliaError, match="does not open it"):
        endpoint.predict([4], token=token.token)
    endpoint.update(folder=times(tmp_path, 3))
    assert endpoint.state == "UPDATING"
    endpoint.wait(timeout=60)
    assert endpoint.predict([1]) == [3.0]
    assert [(one.number, one.weight) for one in endpoint.status.revisions] == [(2, 100), (1, 0)]
    endpoint.rollback().wait(timeout=60)
    assert endpoint.predict([1]) == [2.0]
    assert {one.revision for one in endpoint.metrics()} == {1, 2}
    assert "Serving double" in endpoint.log(revision=2)
    assert endpoint.example().body["inputs"][0]["name"] == "x"
    assert [one.name for one in client.endpoints.list(label={"kind": "test"})] == ["double"]
    endpoint.edit(name="twice")
    with pytest.raises(errors.InUse):
        endpoint.delete()
    endpoint.delete(cascade=True)
    restored = client.endpoints.restore(endpoint.id)
    assert restored.name == "twice"
    restored.delete()


def test_the_same_awaited(ada: Person, client: himalia.Client, tmp_path: Path) -> None:
    model = times(tmp_path, 0)

    async def deploy() -> None:
        async with himalia.AsyncClient(ada.platform.url, ada.token, client.project) as awaited:
            made = await awaited.endpoints.deploy(folder=model, name="broken", profile="base")
            with pytest.raises(errors.HimaliaError, match="this model cannot be loaded"):
                await made.wait(timeout=60)
            await made.delete(cascade=True)

    asyncio.run(deploy())


def test_the_command(run: Run, tmp_path: Path) -> None:
    said = run(
        "endpoints", "deploy", "--folder", str(times(tmp_path, 2)), "--name", "cli", "--profile", "base"
    )
    assert said.stdout.startswith("cli: ready at http://")
    assert json.loads(run("endpoints", "predict", "cli", '{"x": [2]}').stdout) == [4.0]
    assert json.loads(run("endpoints", "predict", "cli", given="[3]").stdout) == [6.0]
    assert "revision 1" in run("endpoints", "list").stdout
    run("endpoints", "update", "cli", "--folder", str(times(tmp_path, 5)), "--weight", "50")
    assert "revision 1 50 %" in run("endpoints", "list").stdout
    assert run("endpoints", "traffic", "cli", "2=100").stdout.strip() == "revision 2"
    assert json.loads(run("endpoints", "show", "cli", "--json").stdout)["spec"] == {
        "revision": 2,
        "running": True,
    }
    assert "Address:" in run("endpoints", "show", "cli").stdout
    token = run("endpoints", "tokens", "create", "cli", "--note", "mine").stdout.strip()
    assert token.startswith("him_end_")
    listed = json.loads(run("endpoints", "tokens", "list", "cli", "--json").stdout)
    mine = next(one["id"] for one in listed if one["note"] == "mine")
    run("endpoints", "tokens", "delete", "cli", mine)
    assert run("endpoints", "example", "cli").stdout.startswith("curl ")
    assert "Serving cli" in run("endpoints", "log", "cli").stdout
    assert run("endpoints", "metrics", "cli").stdout.split()[0] == "REVISION"
    broken = run("endpoints", "update", "cli", "--folder", str(times(tmp_path, 0)), code=1)
    assert "this model cannot be loaded" in broken.stderr
    run("endpoints", "stop", "cli")
    run("endpoints", "start", "cli")
    run("endpoints", "rename", "cli", "other")
    assert "is running" in run("endpoints", "delete", "other", code=1).stderr
    run("endpoints", "delete", "other", "--cascade")
    assert "iris@3" in run("endpoints", "deploy", code=2).stderr


# A model that asks for a package which the environment lacks, and twice as much in its second version.
REGISTERED = """
for factor in 2 4; do
  mkdir -p outputs/v$factor/code
  cat > outputs/v$factor/MLmodel <<'END'
flavors:
  python_function: {loader_module: several_times, code: code}
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
END
  cat > outputs/v$factor/code/several_times.py <<END
import iniconfig

class Times:
    def predict(self, frame, params=None):
        return frame["x"] * $factor

def _load_pyfunc(path):
    return Times()
END
  printf 'mlflow\niniconfig<3\n' > outputs/v$factor/requirements.txt
done
"""


def test_a_registered_model_by_command(run: Run, client: himalia.Client, ada: Person, tmp_path: Path) -> None:
    made = client.jobs.submit(command=["sh", "-c", REGISTERED], profile="base", name="train")
    assert made.wait().state == "SUCCEEDED"
    for folder in ("v2", "v4"):
        client.models.register("several", job=made, path=folder)
    said = run("endpoints", "deploy", "several@1", "--name", "times", "--profile", "base")
    assert said.stdout.startswith("times: ready at http://")
    endpoint = client.endpoints.get("times")
    assert endpoint.predict([1]) == [2.0]
    [revision] = json.loads(run("endpoints", "show", "times", "--json").stdout)["status"]["revisions"]
    [package] = revision["packages"]
    assert package.startswith("iniconfig==2.")
    run("endpoints", "update", "times", "several@2")
    assert endpoint.predict([1]) == [4.0]
    assert "several@2" in run("endpoints", "list", "--state", "ready").stdout
    run("endpoints", "rollback", "times")
    assert endpoint.predict([1]) == [2.0]

    # It is made again of the same packages, and not of what its requirements.txt would come to now.
    endpoint.stop()
    deadline = time.monotonic() + 30
    while client.endpoints.get("times").state != "STOPPED":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    overlays = [one for one in ada.platform.home.glob("people/*/overlays/*") if holds(one, package)]
    assert overlays
    for one in overlays:
        shutil.rmtree(one)
    endpoint.start().wait()
    assert endpoint.predict([1]) == [2.0]
    again = [one for one in ada.platform.home.glob("people/*/overlays/*") if holds(one, package)]
    assert again
    assert {one.name for one in again}.isdisjoint(one.name for one in overlays), (
        "made from the list of packages"
    )
    other = client.endpoints.deploy("several@1", name="another", profile="base")
    assert other.status.revisions[0].packages == [package], "known from the first time"

    # So is an evaluation: with the packages that the version is served with, in an environment that is there.
    (tmp_path / "rows.csv").write_text("x,y\n1,2\n2,4\n")
    client.datasets.add("rows", tmp_path / "rows.csv")
    begun = client.models.evaluate("several@1", "rows", target="y", profile="base")
    evaluates = client.jobs.get(begun.job)
    assert evaluates.status.environment_job is None, "what its requirements.txt comes to would be made first"
    evaluates.stop().wait()
    other.delete(cascade=True)
    endpoint.delete(cascade=True)


def holds(overlay: Path, package: str) -> bool:
    marker = overlay / "himalia.json"
    return marker.is_file() and package in json.loads(marker.read_text())["packages"]


COLUMNS = [
    {"name": "a", "datatype": "FP64", "shape": [-1]},
    {"name": "b", "datatype": "BYTES", "shape": [-1]},
]
TENSOR = [{"name": "x", "datatype": "FP64", "shape": [-1, 2]}]


def test_rows_and_columns_become_tensors() -> None:
    by_name = inference.request({"a": [1, 2], "b": ["x", "y"]}, COLUMNS)
    assert by_name == inference.request([[1, "x"], [2, "y"]], COLUMNS)
    assert by_name["inputs"][1] == {"name": "b", "datatype": "BYTES", "shape": [2], "data": ["x", "y"]}
    rows = inference.request([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], TENSOR)
    assert rows["inputs"] == [
        {"name": "x", "datatype": "FP64", "shape": [3, 2], "data": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}
    ]
    with pytest.raises(errors.Invalid, match="Each row needs 2 values: a, b"):
        inference.request([[1]], COLUMNS)


def test_what_is_missing_is_null_and_the_infinite_is_refused() -> None:
    frame = pandas.DataFrame({"a": [1.0, math.nan], "b": ["x", None]})
    sent = inference.request(frame, COLUMNS)["inputs"]
    assert [one["data"] for one in sent] == [[1.0, None], ["x", None]]
    numbers = pandas.Series([1, None], dtype="Int64")
    assert inference.request({"a": numbers}, COLUMNS)["inputs"][0]["data"] == [1, None]
    day = pandas.Series(pandas.to_datetime(["2026-11-01", None]))
    assert inference.request({"b": day}, COLUMNS)["inputs"][0]["data"] == ["2026-11-01T00:00:00", None]
    with pytest.raises(errors.Invalid, match="'a' has an infinite number"):
        inference.request({"a": [math.inf]}, COLUMNS)
    with pytest.raises(errors.Invalid, match="'a' has a value of the type object"):
        inference.request({"a": [object()]}, COLUMNS)


def test_answers_have_their_shape() -> None:
    output = {"name": "y", "datatype": "FP64", "shape": [2, 3], "data": [1, 2, 3, 4, 5, 6]}
    assert inference.answer({"outputs": [output]}) == [[1, 2, 3], [4, 5, 6]]
    two = [output, {"name": "z", "datatype": "INT64", "shape": [1], "data": [7]}]
    assert inference.answer({"outputs": two}) == {"y": [[1, 2, 3], [4, 5, 6]], "z": [7]}
