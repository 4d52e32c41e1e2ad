"""Every example of the documentation is run, or says why it is not.

A block's language says how it is run: `bash` and `python` as Ada on a running platform, `json` and `toml` by
reading them. A comment above it says otherwise: `<!-- example: admin -->` and the words of `MARKED`.
"""

from __future__ import annotations

import configparser
import io
import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import jsonschema
import pytest
import yaml
from traitlets.config import Config

from himalia.client.snapshot import build
from himalia.core.settings import Settings
from himalia.experiments.schema import ExperimentSpec
from himalia.experiments.space import is_conditional
from himalia.profiles.load import load

from .conftest import Place
from .examples import DOCS, SIGNATURES, TESTED_ELSEWHERE, Block, blocks, named, pages

LANGUAGES = {"bash", "python", "json", "toml", "text", "gitignore"}
"""Languages that need no mark. `text` is what a program shows."""
MARKED = {"admin", "cell", "job", "page", "profile", "settings", "systemd", "config", "install", "secrets"}
MARKED |= {"service", "runner", "space", "values"}

RUNNABLE = [page for page in pages() if page.name not in TESTED_ELSEWHERE | SIGNATURES]


def is_step(block: Block) -> bool:
    """Whether the block is run in its page's order, in a shell or in Python."""
    return (
        block.language in ("bash", "python")
        and block.not_run is None
        and block.how in (None, "admin", "page")
    )


def run(steps: list[Block], variables: dict[str, str], folder: Path) -> None:
    """Run blocks of one language in one interpreter, so that each sees what the ones before it set."""
    language = steps[0].language
    note = "echo '{}' >&2" if language == "bash" else "import sys; print('{}', file=sys.stderr)"
    program = folder.parent / f"steps.{language}"
    program.write_text("\n".join(f"{note.format(block)}\n{block.content}" for block in steps))
    line = ["bash", "-euo", "pipefail"] if language == "bash" else [sys.executable]
    done = subprocess.run(
        [*line, str(program)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=variables,
        cwd=folder,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def test_every_block_says_how_it_is_run() -> None:
    for page in RUNNABLE:
        for block in blocks(page):
            if block.not_run is not None:
                assert len(block.not_run) > 20, f"{block}: say why it is not run"
            else:
                assert block.how in MARKED or (block.how is None and block.language in LANGUAGES), block


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in RUNNABLE if any(map(is_step, blocks(page)))], ids=lambda page: page.stem
)
def test_examples_run(page: Path, place: Place, administration: dict[str, str]) -> None:
    (place.folder / "profiles").mkdir()
    for block in named("profile"):  # profiles.md shows how to check it
        (place.folder / "profiles" / "one.yaml").write_text(block.content)
    together: dict[tuple[str, str | None], list[Block]] = {}
    for block in filter(is_step, blocks(page)):
        together.setdefault((block.language, block.how), []).append(block)
    for (_, how), steps in together.items():
        run(steps, administration if how == "admin" else place.variables, place.folder)


@pytest.mark.parametrize("block", named("job"), ids=str)
def test_code_for_jobs_runs_in_a_job(block: Block, place: Place) -> None:
    (place.folder / "task").mkdir()
    (place.folder / "task" / "code.py").write_text(block.content)
    line = ["himalia", "jobs", "submit", "task/code.py", "--name", "code", "--follow"]
    subprocess.run(line, env=place.variables, cwd=place.folder, check=True, timeout=90, capture_output=True)
    shown = subprocess.run(
        ["himalia", "jobs", "show", "code", "--json"],
        env=place.variables,
        check=True,
        timeout=30,
        capture_output=True,
    )
    status = json.loads(shown.stdout)["status"]
    assert status["metrics"]["loss"] == pytest.approx(1 / 3)
    assert status["outputs"]["count"] == 1


@pytest.mark.parametrize("block", named("cell"), ids=str)
def test_cells_can_be_injected_into(block: Block) -> None:
    from himalia.runner.notebook.parameters import known_names

    assert known_names(block.content)


@pytest.mark.parametrize("block", named("profile"), ids=str)
def test_profiles_can_be_used(block: Block, tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(block.content)
    assert len(load(tmp_path)) == 1


@pytest.mark.parametrize("block", named("space"), ids=str)
def test_spaces_can_be_searched(block: Block) -> None:
    job = {"kind": "command", "command": ["true"], "profile": "base"}
    spec = {"job": job, "space": json.loads(block.content), "objectives": [{"metric": "loss"}]}
    assert is_conditional(ExperimentSpec.model_validate(spec).model_dump()["space"])


@pytest.mark.parametrize("block", named("values"), ids=str)
def test_values_are_the_charts(block: Block) -> None:
    schema = json.loads((DOCS.parent / "helm/himalia/values.schema.json").read_text())
    jsonschema.validate(yaml.safe_load(block.content), schema)


@pytest.mark.parametrize("block", named("settings"), ids=str)
def test_settings_are_understood(block: Block) -> None:
    values = tomllib.loads(block.content)
    assert set(values) <= set(Settings.model_fields)
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="h") as home:
        Path(home, "himalia.toml").write_text(block.content)
        settings = Settings(home=Path(home))
    assert {name: str(getattr(settings, name)) for name in values} == {n: str(v) for n, v in values.items()}


@pytest.mark.parametrize("block", named("config"), ids=str)
def test_settings_of_the_hub_are_understood(block: Block, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_CLIENT_ID", "id")
    monkeypatch.setenv("GITHUB_CLIENT_SECRET", "secret")
    c = Config()
    c.JupyterHub.load_roles = [{"name": "himalia"}]
    exec(compile(block.content, str(block), "exec"), {"c": c})
    from oauthenticator.github import GitHubOAuthenticator

    for name in c.get("GitHubOAuthenticator", {}):
        assert GitHubOAuthenticator.class_traits(config=True)[name]
    assert c.JupyterHub.load_roles[0]["name"] == "himalia"


@pytest.mark.parametrize("block", named("systemd"), ids=str)
def test_the_unit_file_is_one(block: Block) -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_file(io.StringIO(block.content))
    assert " up " in unit["Service"]["ExecStart"]
    assert unit["Service"]["KillMode"] == "mixed"


def test_ignore_rules_leave_out_what_the_page_says(tmp_path: Path) -> None:
    found = [block for page in pages() for block in blocks(page) if block.language == "gitignore"]
    assert len(found) == 1
    (tmp_path / "data").mkdir()
    for name in ("train.py", "table.parquet", "data/raw.bin", "data/labels.csv"):
        (tmp_path / name).write_text("x")
    (tmp_path / ".himaliaignore").write_text(found[0].content)
    kept = {file.path for file in build(tmp_path).files}
    assert kept == {".himaliaignore", "train.py", "data/labels.csv"}


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.stem)
def test_data_can_be_read(page: Path) -> None:
    for block in blocks(page):
        if block.not_run is None and block.how is None:
            if block.language == "json":
                json.loads(block.content)
            elif block.language == "toml":
                assert set(tomllib.loads(block.content)) == {"project"}


def test_failing_calls_answer_as_the_page_says(place: Place) -> None:
    (shown,) = [block for block in blocks(DOCS / "errors.md") if block.language == "json"]
    project = place.person.project  # the page's is named ada
    answer = place.person.http.get(f"/projects/{project}/jobs/no-such-job")
    assert answer.json() == json.loads(shown.content.replace("in ada", f"in {project}"))
