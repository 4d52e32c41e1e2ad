"""Who imports whom, and how large things are: the rules of docs/architecture.md, read from the source."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "hub" / "himalia"
NOUNS = (
    *(
        "projects",
        "secrets",
        "snapshots",
        "overlays",
        "datasets",
        "jobs",
        "tracking",
        "experiments",
        "models",
    ),
    *("endpoints", "tokens", "people", "servers", "workloads"),
)
TOP = ("app", "parts", "launching", "cli")
LIGHT = ("client", "run", "runner", "serving")
OPENS = {
    "cloudpickle",
    "duckdb",
    "joblib",
    "mlflow",
    "numpy",
    "optuna",
    "pandas",
    "pickle",
    "PIL",
    "pyarrow",
    "sklearn",
}
MAY_KNOW: dict[str, set[str]] = {
    "core": set(),
    "lineage": {"core"},
    "storage": {"core"},
    "profiles": {"core"},
    "environments": {"core", "profiles"},
    "engine": {"core", "storage", "profiles", "environments"},
    "projects": {"core", "engine"},
    "secrets": {"core", "engine", "projects"},
    "snapshots": {"core", "engine", "storage", "projects"},
    "tokens": {"core", "projects"},
    "people": {"core", "projects", "tokens"},
    "overlays": {"core", "engine", "environments", "projects"},
    "jobs": {
        *{"core", "lineage", "engine", "storage", "profiles", "environments"},
        *{"projects", "secrets", "snapshots", "overlays", "datasets"},
    },
    "datasets": {
        *{"core", "lineage", "engine", "storage", "environments", "run"},
        *{"projects", "snapshots", "overlays"},
    },
    "tracking": {"core", "engine", "environments", "projects", "jobs"},
    "experiments": {"core", "lineage", "engine", "projects", "snapshots", "datasets", "jobs", "tracking"},
    "models": {
        *{"core", "lineage", "engine", "storage", "environments"},
        *{"projects", "snapshots", "overlays", "datasets", "jobs", "tracking", "experiments"},
    },
    "endpoints": {
        *{"core", "lineage", "engine", "storage", "profiles", "environments", "gateway"},
        *{"projects", "snapshots", "overlays", "datasets", "jobs", "models"},
    },
    "gateway": {"core"},
    "serving": {"run"},
    "workloads": {"core", "engine", "storage", "projects", "snapshots"},
    "servers": {"core", "engine", "profiles", "environments", "projects", "jobs"},
    "live": {"core", "engine", "projects", "jobs"},
    "pages": {"core", "tokens"},
    "http": {"core", "pages"},
    "downloads": {"core"},
    "client": set(),
    "run": set(),
    "runner": {"run"},
    "hub": {"core", "profiles", "engine", "environments"},
    "supervisor": {"core", "hub", "environments", "profiles", "engine"},
    "testing": {"core", "storage", "engine", "experiments"},
}
"""What each package may import besides itself; `app`, `parts`, `launching` and `cli` may import everything."""


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the platform, by dotted name below `himalia`."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        found[name.removesuffix(".__init__")] = ast.parse(path.read_text())
    return found


def imported(tree: ast.Module) -> set[str]:
    """Dotted names below `himalia` that a module imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{one.name}" for one in node.names}
    return {name.removeprefix("himalia.") for name in names if name.startswith("himalia.")}


def package(name: str) -> str:
    return name.split(".")[0]


def test_packages_know_only_what_is_below_them() -> None:
    wrong = []
    for name, tree in modules().items():
        own = package(name)
        if own not in MAY_KNOW:
            continue
        for other in map(package, imported(tree)):
            if (
                other in MAY_KNOW | {"app": (), "parts": (), "launching": (), "cli": ()}
                and other != own
                and other not in MAY_KNOW[own]
            ):
                wrong.append(f"{name} imports {other}")
    assert wrong == []


def test_no_cycles_between_packages() -> None:
    edges: dict[str, set[str]] = {}
    for name, tree in modules().items():
        others = {package(other) for other in imported(tree)} & {package(m) for m in modules()}
        edges.setdefault(package(name), set()).update(others - {package(name)})
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"a cycle: {' → '.join((*trail, name))}"
        if name not in done:
            for other in edges.get(name, ()):
                visit(other, (*trail, name))
            done.add(name)

    for name in edges:
        visit(name, ())


def test_a_noun_uses_no_other_nouns_tables() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, tree in modules().items()
        for other in imported(tree)
        if package(other) in NOUNS and other.split(".")[1:2] == ["tables"] and package(other) != package(name)
    ]
    assert wrong == []


def test_services_know_no_routes() -> None:
    wrong = [
        f"{name} imports {other}"
        for name, tree in modules().items()
        if name.endswith((".service", ".schema", ".tables"))
        for other in imported(tree)
        if ".routes" in other
    ]
    assert wrong == []


def test_the_service_never_opens_what_people_sent() -> None:
    """What reads models, tables and pictures, and what chooses values, is imported by processes of their own."""
    todo, reached = ["app"], set[str]()
    while todo:
        name = todo.pop()
        if name not in reached and name in modules():
            reached.add(name)
            for other in imported(modules()[name]):
                todo += [other, other.rpartition(".")[0]]
    assert {"models.service", "datasets.previews", "experiments.study", "tracking.process"} <= reached
    wrong = [
        f"{name} imports {one}"
        for name in reached
        for node in ast.walk(modules()[name])
        if isinstance(node, ast.Import | ast.ImportFrom)
        for one in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
        if package(one) in OPENS
    ]
    assert wrong == []


def test_the_service_takes_its_time_from_one_clock() -> None:
    own = {*LIGHT, "cli", "supervisor", "testing"}  # beside the service, or made to run without it
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in modules().items()
        if package(name) not in own and name != "core.clock"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("time.time", "datetime.now", "datetime.utcnow")
    ]
    assert wrong == []


@pytest.mark.parametrize("light", LIGHT)
def test_what_users_carry_imports_nothing_of_the_service(light: str) -> None:
    known = {
        package(other)
        for name, tree in modules().items()
        if package(name) == light
        for other in imported(tree)
    }
    allowed = {"run"} if light in ("runner", "serving") else set()
    assert known - {light, "__version__"} <= allowed


def test_modules_and_functions_stay_small() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")}
    longest = max(lengths, key=lambda path: lengths[path])
    assert lengths[longest] <= 600, longest
    assert statistics.median(lengths.values()) <= 150
    functions = [
        (node.end_lineno - node.lineno + 1, f"{name}.{node.name}")
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno
    ]
    assert [name for lines, name in functions if lines > 80 and "migrations" not in name] == []
    assert statistics.quantiles([lines for lines, _ in functions], n=10)[-1] <= 30


def test_it_is_there_after_importing_the_package_alone() -> None:
    code = "import himalia; himalia.run.log('accuracy', 0.5, step=1); print(himalia.run.is_job())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
