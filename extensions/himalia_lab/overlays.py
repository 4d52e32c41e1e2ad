"""Having an overlay built by the service, and telling Lab how it goes."""

from __future__ import annotations

import asyncio
import os
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from jupyter_events import EventLogger

from himalia_lab import settings
from himalia_lab.errors import LabError

SCHEMA = "urn:himalia:events:overlay:v1"
ENDED = ("SUCCEEDED", "FAILED", "STOPPED")
LAST_LINES = 8
TRIES = 60
"""How often, a second apart, a service that does not answer is asked again."""

_tell: list[EventLogger] = []


def connect(logger: EventLogger) -> None:
    """Tell Lab's pages by this server's events; outside of a Jupyter server nobody is told."""
    logger.register_event_schema(Path(__file__).parent / "events" / "overlay.yaml")
    _tell.append(logger)


async def build(kernel: str, environment: str, requirements: str, digest: str) -> None:
    """Have the overlay `digest` built for the kernel of that name. Returns when it is there.

    Raises LabError with what the person can do: for a refusal, a failure with its last lines, a cancel.
    """
    service, project = settings.Service.from_environment(), os.environ.get("HIMALIA_PROJECT", "")
    token = os.environ.get("JUPYTERHUB_API_TOKEN") or os.environ.get("HIMALIA_TOKEN")
    if service is None or not token or not settings.is_project(project):
        raise LabError(503, "unavailable", "Packages can be installed on a Himalia platform only.")
    async with service.client(token) as client:
        place = f"/projects/{quote(project)}/overlays"
        profile = os.environ.get("HIMALIA_PROFILE") or None
        asked = {"environment": environment, "profile": profile, "requirements": requirements}
        found = await settings.call(client, "POST", place, json=asked)
        if found["digest"] != digest:
            raise LabError(
                409,
                "conflict",
                f"The environment {environment} was renewed since your server started. "
                "Stop your server and start it again (File → Hub Control Panel).",
            )
        if found["ready"]:
            return
        told = {"id": found["id"], "project": project, "kernel": kernel}
        _say(told, "building")
        try:
            ended = await _ended(client, place, found["id"])
        except LabError as error:
            _say(told, "lost", error.message)
            raise
        if ended["state"] == "SUCCEEDED":
            _say(told, "ready")
            return
        _say(told, "stopped" if ended["state"] == "STOPPED" else "failed")
        raise LabError(422, "environment_failed", await _why(client, place, ended))


async def _ended(client: httpx.AsyncClient, place: str, overlay: str) -> dict[str, Any]:
    """The building's end, told by the event stream; a service that is away for a moment is asked again."""
    away = 0
    while away < TRIES:
        try:
            async with client.stream(
                "GET", "/events/stream", params={"topic": f"overlay:{overlay}"}
            ) as events:
                async for line in events.aiter_lines():
                    # Every line means that there may be news, the first one that none is missed from here on.
                    if not line.startswith((":", "data:")):
                        continue
                    found = await settings.call(client, "GET", f"{place}/{overlay}")
                    if found["state"] in ENDED:
                        return found
                    away = 0
        except httpx.HTTPError:
            away += 1
        except LabError as error:
            if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            away += 1
        else:
            away += 1
        await asyncio.sleep(1)
    raise LabError(
        503, "unavailable", "Himalia's service does not answer. Start the kernel again in a moment."
    )


async def _why(client: httpx.AsyncClient, place: str, ended: dict[str, Any]) -> str:
    """What happened, the installer's own last words, and what to do."""
    if ended["state"] == "STOPPED":
        return "The installation of requirements.txt was cancelled. Choose the kernel again to begin anew."
    answer = await client.get(f"{place}/{ended['id']}/log", params={"limit": 2**24})
    lines = [line for line in answer.text.splitlines() if line.strip()] if answer.is_success else []
    # uv says what is wrong after this word; what went well before it is in the log.
    wrong = next((number for number, line in enumerate(lines) if line.startswith("error:")), 0)
    return "\n".join(
        [
            "The packages of requirements.txt could not be installed:",
            "",
            *(lines[wrong:][-LAST_LINES:] or [ended["message"] or ended["reason"] or "It gave no reason."]),
            "",
            "Mend requirements.txt and choose the kernel again, or choose one without it.",
        ]
    )


def _say(told: dict[str, Any], state: str, message: str = "") -> None:
    for logger in _tell:
        logger.emit(schema_id=SCHEMA, data={**told, "state": state, "message": message})
