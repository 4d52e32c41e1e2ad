"""What the service asks a runner to do: the ``task`` of a ``start`` message, checked."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Tuple

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}\Z")
_DEFAULT_LOG_BYTES = 64 << 20


class BadTask(Exception):
    """A task that cannot be carried out as it stands; ``reason`` is the contract's word, the text a sentence."""

    def __init__(self, message: str, reason: str = "bad_input") -> None:
        super().__init__(message)
        self.reason = reason


def is_name(value: object) -> bool:
    """Whether ``value`` can name a workload: it becomes the name of files."""
    return isinstance(value, str) and _NAME.match(value) is not None


@dataclass
class Task:
    """A checked task; units are in the names, and None means no limit.

    ``hosts`` are those of all ranks of a distributed job, of which this is number ``rank``.
    """

    kind: str
    directory: str
    command: List[str] = field(default_factory=list)
    notebook: str = ""
    parameters: Dict[str, Any] = field(default_factory=dict)
    python: str = ""
    kernel_argv: List[str] = field(default_factory=list)
    kernel_group: str = ""
    environment: Dict[str, str] = field(default_factory=dict)
    secret_environment: Dict[str, str] = field(default_factory=dict)
    secret_files: Dict[str, str] = field(default_factory=dict)
    snapshot: bool = False
    calls_api: bool = True
    inputs: Dict[str, str] = field(default_factory=dict)
    memory_bytes: Optional[int] = None
    time_limit_s: Optional[float] = None
    log_limit_bytes: int = _DEFAULT_LOG_BYTES
    token: str = ""
    hosts: List[str] = field(default_factory=list)
    rank: int = 0

    @classmethod
    def parse(cls, data: object) -> Task:
        """Raises BadTask for what is missing, of the wrong type, or leads somewhere else.

        Fields that this runner does not know are left out.
        """
        if not isinstance(data, dict):
            raise BadTask("The task is not an object.")
        known = {key: value for key, value in data.items() if key in _TYPES and value is not None}
        for key, value in known.items():
            if not _has_type(value, _TYPES[key]):
                raise BadTask(f"In the task, {key} has the wrong type.")
        for key in ("kind", "directory"):
            if not known.get(key):
                raise BadTask(f"The task does not say its {key}.")
        task = cls(**known)
        task._check()
        return task

    @property
    def secrets(self) -> Tuple[str, ...]:
        """Every value that must never be seen in a log."""
        token = (self.token,) if self.token else ()
        return (*self.secret_files.values(), *self.secret_environment.values(), *token)

    def program(self) -> List[str]:
        """The arguments to execute for a command or a script."""
        if self.kind == "command" or not self.command[0].endswith((".py", ".sh")):
            return self.command
        interpreter = self.python or "python" if self.command[0].endswith(".py") else "sh"
        return [interpreter, *self.command]

    def _check(self) -> None:
        if not os.path.isabs(self.directory):
            raise BadTask("The working folder is not an absolute path.")
        for limit in (self.memory_bytes, self.time_limit_s, self.log_limit_bytes):
            if limit is not None and not 0 < limit < math.inf:
                raise BadTask("A limit of the task is not more than 0.")
        if self.kind in ("command", "script"):
            if not self.command or not self.command[0]:
                raise BadTask("The job names no command to run.")
        elif self.kind == "notebook":
            if os.path.isabs(self.notebook) or ".." in self.notebook.split("/") or not self.notebook:
                raise BadTask(f"The notebook {self.notebook!r} is not a path inside the job's folder.")
            if not self.kernel_argv:
                raise BadTask("The environment names no kernel.", "environment_missing")
        else:
            raise BadTask(f"This runner does not know workloads of the kind {self.kind!r}.")
        for variables in (self.environment, self.secret_environment):
            for name, value in variables.items():
                if not _VARIABLE.match(name) or "\0" in value:
                    raise BadTask(f"{name!r} cannot be an environment variable.")
        for path in self.inputs:
            if (
                os.path.isabs(path)
                or "\0" in path
                or any(part in ("", ".", "..") for part in path.split("/"))
            ):
                raise BadTask(f"{path!r} is not a path inside the job's folder.")
        if self.rank not in range(len(self.hosts) or 1):
            raise BadTask(f"The task's rank {self.rank} is not one of its {len(self.hosts)} hosts.")
        for name in self.secret_files:
            if not name or "/" in name or "\0" in name or name in (".", ".."):
                raise BadTask(f"{name!r} cannot be the name of a file.")


_TYPES: Dict[str, str] = {
    "kind": "text",
    "directory": "text",
    "command": "words",
    "notebook": "text",
    "parameters": "object",
    "python": "text",
    "kernel_argv": "words",
    "kernel_group": "text",
    "environment": "texts",
    "secret_environment": "texts",
    "secret_files": "texts",
    "snapshot": "flag",
    "calls_api": "flag",
    "inputs": "texts",
    "memory_bytes": "number",
    "time_limit_s": "number",
    "log_limit_bytes": "number",
    "token": "text",
    "hosts": "words",
    "rank": "whole",
}


def _is_text(value: object) -> bool:
    return isinstance(value, str) and "\0" not in value


def _has_type(value: Any, kind: str) -> bool:
    if kind == "text":
        return _is_text(value)
    if kind == "words":
        return isinstance(value, list) and all(map(_is_text, value))
    if kind == "texts":
        return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    if kind == "object":
        return isinstance(value, dict)
    if kind == "flag":
        return isinstance(value, bool)
    if kind == "whole":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, (int, float)) and not isinstance(value, bool)
