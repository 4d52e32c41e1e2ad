"""Making what a workload finds when it starts: its folder, code, inputs, secrets and environment."""

from __future__ import annotations

import errno
import json
import os
import shutil
from typing import IO, Any, Dict

from himalia.runner import archive, ranks
from himalia.runner.api import PREFIX, Api, Refused
from himalia.runner.task import BadTask, Task

#: What workloads inherit: the runner's own variables, as it was started, without those meant for it alone.
INHERITED = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


def make_directory(task: Task) -> None:
    """Make the working folder, empty and private, with its ``inputs`` and nothing else.

    Raises BadTask when it cannot be made or holds something already.
    """
    try:
        try:
            os.mkdir(task.directory, 0o700)
        except FileNotFoundError:
            os.makedirs(task.directory, 0o700)
        except FileExistsError:
            if os.path.islink(task.directory) or os.listdir(task.directory):
                raise BadTask("The job's working folder is in use already.") from None
            os.chmod(task.directory, 0o700)
    except OSError as error:
        raise BadTask(f"The job's working folder could not be made: {error.strerror}.") from None


def not_started(error: OSError) -> BadTask:
    """Why a process could not be made: its task's fault, or want of processes and memory."""
    if error.errno in (errno.EAGAIN, errno.ENOMEM):
        return BadTask(
            "It could not be started: its person runs as many processes as one person may, or the machine has no "
            "memory left. End some, then try again.",
            "start_failed",
        )
    return BadTask(f"It could not be started: {error.strerror}.")


def link_inputs(task: Task) -> None:
    """Link every input at its path in the working folder.

    Raises BadTask when an input is not there or its path is taken, or lies behind a link of the code snapshot.
    """
    for path, target in task.inputs.items():
        if not os.path.exists(target):
            raise BadTask(f"The input {path} is not there: it may have been deleted since.")
        place = os.path.join(task.directory, path)
        folder = os.path.dirname(place)
        try:
            os.makedirs(folder, exist_ok=True)
            if os.path.realpath(folder) != os.path.realpath(task.directory) + folder[len(task.directory) :]:
                raise BadTask(f"The code snapshot has a link where the input {path} goes: remove it.")
            os.symlink(target, place)
        except (FileExistsError, NotADirectoryError):
            raise BadTask(f"The code snapshot holds {path} already: rename it or the input.") from None


def write_secrets(task: Task, folder: str) -> None:
    """Write the secret files, readable by their owner alone, into ``folder``, which is made."""
    os.mkdir(folder, 0o700)
    for name, value in task.secret_files.items():
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(os.path.join(folder, name), flags, 0o600), "wb") as stream:
            stream.write(value.encode("utf-8", "surrogateescape"))


def environment(
    task: Task, name: str, run_socket: str, api_address: str, secrets_folder: str
) -> Dict[str, str]:
    """All variables of the workload ``name``; what the task itself sets wins.

    Raises OSError when the list of hosts of a distributed job cannot be written.
    """
    workload, _, attempt = name.rpartition("-")
    variables = INHERITED.copy()
    variables.update(
        HIMALIA_WORKLOAD=workload,
        HIMALIA_ATTEMPT=attempt,
        HIMALIA_RUN_NAME=name,
        HIMALIA_RUN_SOCKET=run_socket,
        HIMALIA_DIRECTORY=task.directory,
        PYTHONUNBUFFERED="1",
    )
    if task.calls_api:
        if api_address.startswith("/"):
            variables["HIMALIA_API_SOCKET"] = api_address
        else:
            variables["HIMALIA_URL"] = api_address.rstrip("/") + PREFIX
    if task.calls_api and task.token:
        variables["HIMALIA_TOKEN"] = variables["MLFLOW_TRACKING_TOKEN"] = task.token
    if task.parameters:
        variables["HIMALIA_PARAMETERS"] = json.dumps(task.parameters)
    if task.secret_files:
        variables["HIMALIA_SECRETS_DIR"] = secrets_folder
    if task.hosts:
        variables.update(ranks.variables(task.hosts, task.rank))
        variables["HIMALIA_HOSTFILE"] = _write_hosts(task, os.path.dirname(run_socket))
    variables.update(task.environment)
    variables.update(task.secret_environment)
    if task.python and "PATH" not in task.environment:
        variables["PATH"] = os.path.dirname(task.python) + os.pathsep + variables.get("PATH", os.defpath)
    return variables


def _write_hosts(task: Task, folder: str) -> str:
    path = os.path.join(folder, "hosts")
    with open(path, "w", encoding="utf-8") as stream:  # the same for all that share the folder
        stream.write(ranks.hostfile(task.hosts))
    return path


def fetch_snapshot(task: Task, api: Api) -> Dict[str, Any]:
    """Fetch and unpack the code snapshot; answers ``{}`` or ``{"message": sentence}``."""

    def unpack(stream: IO[bytes]) -> None:
        for entry in os.scandir(task.directory):  # of a stream that broke off
            shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
        archive.unpack(stream, task.directory)

    try:
        api.snapshot(unpack)
    except Refused as refusal:
        return {"message": f"The code snapshot could not be fetched: {refusal}"}
    except archive.BadArchive as error:
        return {"message": str(error)}
    except OSError as error:
        return {"message": f"The code snapshot could not be unpacked: {error.strerror}."}
    return {}
