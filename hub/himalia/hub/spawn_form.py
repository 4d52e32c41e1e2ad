"""The choice of a profile and a size: the page a person sees, and the check of what comes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from jinja2 import Environment, PackageLoader

from himalia.hub.service import ServiceError

_ENVIRONMENT = Environment(loader=PackageLoader("himalia.hub"), autoescape=True, trim_blocks=True)


def human_bytes(count: float) -> str:
    """A size in words: 2 GiB, 512 MiB."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20)):
        if count >= factor:
            return f"{count / factor:.1f}".removesuffix(".0") + f" {unit}"
    return f"{int(count)} B"


async def render(spawner: Any) -> str:
    """The form's HTML: every profile with its sizes, and what is free now."""
    try:
        offered = await spawner.service.profiles(spawner.groups)
    except ServiceError as error:
        return _ENVIRONMENT.get_template("spawn_form.html").render(error=error.message)
    last = spawner.orm_spawner.user_options or {}
    return page(offered, last, f"{spawner.hub.base_url}free")


def page(offered: Mapping[str, Any], last: Mapping[str, Any], free_url: str = "free") -> str:
    """The form for `offered` (`GET /profiles`), with the choice `last` made before preselected.

    It asks at `free_url` what is free, again and again.
    """
    try:
        selected = choice(offered, last)
    except ValueError:
        selected = choice(offered, {}) if _default(offered) else {}
    return _ENVIRONMENT.get_template("spawn_form.html").render(
        error="",
        profiles=offered["items"],
        machine=offered.get("machine") or {},
        selected=f"{selected['profile']}/{selected['size']}" if selected else "",
        human_bytes=human_bytes,
        free_url=free_url,
    )


def reader(spawner: Any) -> Callable[[Mapping[str, Any]], Awaitable[dict[str, str]]]:
    """What turns the posted form, a dict of lists, into `{"profile", "size"}`; ValueError if it cannot."""

    async def read(form: Mapping[str, Any]) -> dict[str, str]:
        values = {name: given[0] for name, given in form.items() if given}
        if "choice" in values:
            profile, _, size = str(values["choice"]).partition("/")
            values = {"profile": profile, "size": size}
        try:
            return choice(await spawner.service.profiles(spawner.groups), values)
        except ServiceError as error:
            raise ValueError(error.message) from error

    return read


def choice(offered: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, str]:
    """`{"profile", "size"}` as `options` ask for, with defaults for what they leave out.

    ValueError, with a sentence, for what is not offered.
    """
    name = options.get("profile")
    profile = _default(offered) if name is None else _named(offered["items"], name)
    if profile is None:
        what = "No profile can be started now." if name is None else f"There is no profile {_shown(name)}."
        raise ValueError(f"{what} Choose another one, or ask an administrator.")
    if not profile["available"]:
        raise ValueError(profile["reason"] or f"The profile {profile['title']} is not available.")
    wanted = options.get("size")
    if wanted is None:
        possible = [size for size in profile["sizes"] if not size.get("reason")]
        size = next((size for size in possible if size.get("default")), possible[0] if possible else None)
    else:
        size = _named(profile["sizes"], wanted)
    if size is None:
        raise ValueError(
            f"The profile {profile['title']} has no size {_shown(wanted)}. Choose one of its sizes."
        )
    if size.get("reason"):
        raise ValueError(size["reason"])
    return {"profile": profile["name"], "size": size["name"]}


def _default(offered: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for profile in offered["items"]:
        if profile["available"] and any(not size.get("reason") for size in profile["sizes"]):
            return cast(Mapping[str, Any], profile)
    return None


def _named(items: list[dict[str, Any]], name: object) -> dict[str, Any] | None:
    return next((item for item in items if item["name"] == name), None)


def _shown(value: object) -> str:
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
