"""What models are read from and where they run, without a platform."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from himalia.core import clock
from himalia.core.database import metadata
from himalia.core.errors import Invalid
from himalia.environments.places import FolderEnvironments
from himalia.models import manifest, read
from himalia.models.environments import lacking
from himalia.models.schema import Alias, Code, Source
from himalia.models.tables import versions
from himalia.profiles.model import Profiles
from himalia.storage.directory import DirectoryStore
from himalia.storage.trees import Tree, TreeFile


@pytest.fixture
def there(tmp_path: Path) -> dict[str, str]:
    """What an environment holds."""
    packages = tmp_path / "environments" / "env" / "lib" / "python3.11" / "site-packages"
    for name in ("scikit_learn-1.9.1", "mlflow_skinny-3.17.2", "skops-0.16.0", "ruamel.yaml-0.18"):
        (packages / f"{name}.dist-info").mkdir(parents=True)
    return FolderEnvironments(tmp_path, lambda: Profiles((), tmp_path)).packages("env")


@pytest.mark.parametrize(
    "lines",
    [
        ["mlflow==3.17.2", "scikit-learn==1.9.1"],
        ["mlflow", "Scikit_Learn == 1.9.1", "skops", "ruamel-yaml==0.18"],
        ["mlflow[extras]==3.17.2"],
        [],
    ],
)
def test_an_environment_that_has_all_is_enough(there: dict[str, str], lines: list[str]) -> None:
    assert lacking(lines, there) is None


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        (["mlflow==3.17.1"], b"mlflow-skinny==3.17.1\n"),
        (["scikit-learn==1.9.0", "mlflow"], b"scikit-learn==1.9.0\nmlflow-skinny\n"),
        (["skops>=0.1"], b"skops>=0.1\n"),
        (["mlflow-extra==1"], b"mlflow-extra==1\n"),
        (["skops==0.16.0; python_version < '3'"], b"skops==0.16.0; python_version < '3'\n"),
    ],
)
def test_what_it_lacks_is_laid_over_it(there: dict[str, str], lines: list[str], wanted: bytes) -> None:
    assert lacking(lines, there) == wanted


def folder(tmp_path: Path, **files: str) -> tuple[DirectoryStore, Tree]:
    store = DirectoryStore(tmp_path / "objects")
    stored = {name.replace("_txt", ".txt"): store.put(text.encode()) for name, text in files.items()}
    return store, Tree.of([TreeFile(name, one.size, one.digest) for name, one in stored.items()])


def test_a_manifest_is_read_as_text(tmp_path: Path) -> None:
    described = """
flavors:
  python_function: &same {loader_module: mlflow.sklearn}
  sklearn: *same
signature:
  inputs: '[{"type": "double", "name": "x", "required": false}, {"type": "tensor", "tensor-spec":
    {"dtype": "float64", "shape": [-1, 4]}}]'
  outputs: null
"""
    found = manifest.read(*folder(tmp_path, MLmodel=described, requirements_txt="# all\nskops==1 # why\n\n"))
    assert found.flavors == ["python_function", "sklearn"]
    assert found.requirements == ["skops==1"]
    assert found.signature == {
        "inputs": [
            {"name": "x", "type": "double", "shape": None, "required": False},
            {"name": None, "type": "float64", "shape": [-1, 4], "required": True},
        ],
        "outputs": [],
        "params": [],
    }


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ("flavors: !!python/object/apply:os.system ['touch /tmp/owned']", "cannot be read as YAML"),
        ("[" * 100_000, "cannot be read as YAML"),
        ("- a", "not what MLflow writes"),
        ("a: &a {x: 1}\nb: &b {<<: [*a, *a]}\nc: {<<: [*b, *b]}", "has a merge key"),
        ("flavors: 3", "names no python_function"),
        ("flavors: {python_function: {}}\nsignature: {inputs: '['}", "The inputs of the signature"),
        ("x: " + "a" * (1 << 20), "MLmodel is larger than 1024 KiB"),
    ],
)
def test_what_is_no_manifest_is_refused(tmp_path: Path, described: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        manifest.read(*folder(tmp_path, MLmodel=described))
    assert words in refused.value.message


@pytest.mark.parametrize("alias", ["3", "v3", "latest", "Champion", "a b", ""])
def test_aliases_that_mean_something_else_are_refused(alias: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Alias).validate_python(alias)


def test_what_a_version_keeps_is_its_files_and_the_code_that_made_it(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'versions.sqlite'}")
    metadata.create_all(engine, tables=[versions])
    of_job = Source(job="train", code=Code(entry="train.py", snapshot="c" * 64))
    made = [("a" * 64, of_job), (None, Source(code=Code(entry="sh -c true"))), ("b" * 64, Source())]
    numbers = dict.fromkeys(("files", "size", "version"), 1)
    texts = {"description": "", "manifest": {}, "metrics": {}, "parameters": {}, "created_by": "p"}
    times = {"created_at": clock.now(), "updated_at": clock.now()}
    with engine.begin() as connection:
        for number, (tree, source) in enumerate(made):
            row = {"id": f"v{number}", "model_id": "m", "number": number, "tree": tree}
            row |= {**numbers, **texts, **times, "source": source.model_dump()}
            connection.execute(versions.insert().values(row))
        assert read.held(connection).trees == {"a" * 64, "b" * 64, "c" * 64}
    engine.dispose()
