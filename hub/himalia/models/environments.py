"""Where a model runs: an environment, and what its requirements.txt asks for beyond that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from himalia.engine.backends.local.folders import Folders

_PLAIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:==\s*([^\s;,#]+))?")
_MLFLOW = re.compile(r"mlflow(\[[^\[\]]*\])?\s*(?=[=<>!~;@ ]|$)", re.IGNORECASE)


def default_environment(folders: Folders, flavors: Sequence[str]) -> str | None:
    """The environment to begin from where a model's source does not tell: one that is there, or None."""
    wanted = ["scikit-learn", "base"] if "sklearn" in flavors else ["base"]
    return next((name for name in wanted if folders.environment(name).is_dir()), None)


def lacking(requirements: Sequence[str], environment: Path) -> bytes | None:
    """The requirements.txt of an overlay on `environment`, in which the model runs; None where nothing is lacking.

    MLflow is asked for as mlflow-skinny, all that loading and running a model takes: the whole of it brings a server
    and a database. Lists the environment's packages on the disk.
    """
    wanted = [_skinny(line) for line in requirements]
    there = _installed(environment)
    if all(_is_met(line, there) for line in wanted):
        return None
    return ("\n".join(wanted) + "\n").encode()


def _skinny(line: str) -> str:
    match = _MLFLOW.match(line)
    return "mlflow-skinny" + line[match.end() :] if match else line


def _is_met(line: str, there: dict[str, str]) -> bool:
    """Whether a package, of a version or of any, is there; whatever else a line may say is left to uv."""
    match = _PLAIN.fullmatch(line)
    version = there.get(_normal(match[1])) if match else None
    return match is not None and version is not None and match[2] in (None, version)


def _installed(environment: Path) -> dict[str, str]:
    """Versions of an environment's packages by their normalized names (PyPA, "Recording installed projects")."""
    found = {}
    for path in environment.glob("lib/python3.*/site-packages/*.dist-info"):
        name, _, version = path.name.removesuffix(".dist-info").partition("-")
        found[_normal(name)] = version
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
