"""Where a model runs: an environment, and what its requirements.txt asks for beyond that."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy.engine import Connection

from himalia.environments.places import Environments, normal
from himalia.overlays.service import Base, Overlays

Kept = Callable[[Connection, str, str], "list[str] | None"]
"""`(connection, model version's id, environment)`: the packages laid over it when the version was served."""

_PLAIN = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*(?:==\s*([^\s;,#]+))?")
_MLFLOW = re.compile(r"mlflow(\[[^\[\]]*\])?\s*(?=[=<>!~;@ ]|$)", re.IGNORECASE)


def default_environment(environments: Environments, flavors: Sequence[str]) -> str | None:
    """The environment to begin from where a model's source does not tell: one that is there, or None."""
    wanted = ["scikit-learn", "base"] if "sklearn" in flavors else ["base"]
    return next((name for name in wanted if environments.is_ready(name)), None)


def lacking(requirements: Sequence[str], there: Mapping[str, str]) -> bytes | None:
    """The requirements.txt of an overlay in which the model runs, on an environment with what is `there`; None where
    nothing is lacking.

    MLflow is asked for as mlflow-skinny, all that loading and running a model takes: the whole of it brings a server
    and a database.
    """
    wanted = [_skinny(line) for line in requirements]
    if all(_is_met(line, there) for line in wanted):
        return None
    return ("\n".join(wanted) + "\n").encode()


def as_before(
    connection: Connection,
    overlays: Overlays,
    base: Base,
    requirements: bytes,
    packages: Sequence[str] | None,
) -> bytes:
    """The requirements.txt by which a model gets just these packages, where they are known from an earlier time:
    newer versions may have been published since.

    The model's own stays where its overlay is there and holds them. Raises Invalid.
    """
    if packages is None:
        return requirements
    needed = overlays.plan(connection, base, requirements)
    if needed.task is None and overlays.packages(connection, base.person_id, needed.overlay) == [*packages]:
        return requirements
    # From where the model's own says that they come.
    options = [line for line in requirements.decode().splitlines() if line.startswith("-")]
    return "\n".join([*options, *packages, ""]).encode()


def _skinny(line: str) -> str:
    match = _MLFLOW.match(line)
    return "mlflow-skinny" + line[match.end() :] if match else line


def _is_met(line: str, there: Mapping[str, str]) -> bool:
    """Whether a package, of a version or of any, is there; whatever else a line may say is left to uv."""
    match = _PLAIN.fullmatch(line)
    version = there.get(normal(match[1])) if match else None
    return match is not None and version is not None and match[2] in (None, version)
