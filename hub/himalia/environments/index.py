"""Where packages come from: what pip is told on this machine, in uv's words.

uv does not read pip's configuration. Addresses can hold passwords, so they are handed on as environment
variables and never as arguments.
Sources: https://pip.pypa.io/en/stable/topics/configuration/ and https://docs.astral.sh/uv/reference/environment/
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from himalia.environments.overlay_build import CERTIFICATES

# pip's option: (uv's variable, what separates several values).
_OPTIONS = {
    "index-url": ("UV_DEFAULT_INDEX", " "),
    "extra-index-url": ("UV_INDEX", " "),
    "find-links": ("UV_FIND_LINKS", ","),
    "trusted-host": ("UV_INSECURE_HOST", " "),
    "no-index": ("UV_NO_INDEX", " "),
    "cert": ("SSL_CERT_FILE", " "),
}


def index_environment(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables that make uv use pip's index, find-links, hosts and certificates.

    `environment` is read instead of the process's own. What it sets for uv itself stays as it is.
    """
    given = os.environ if environment is None else environment
    settings = {**_from_files(given), **_from_variables(given)}
    found: dict[str, str] = {}
    for option, (variable, separator) in _OPTIONS.items():
        if option == "no-index":
            if settings.get(option, "").lower() in ("1", "true", "yes", "on"):
                found[variable] = "1"
        elif value := separator.join(settings.get(option, "").split()):
            found[variable] = value
    if CERTIFICATES.is_file():
        found.setdefault("SSL_CERT_FILE", str(CERTIFICATES))
    return found | {name: given[name] for name, _ in _OPTIONS.values() if given.get(name)}


def index_elsewhere(environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """The same for a program on another machine, which has no files of this one."""
    found = index_environment(environment)
    found.pop("SSL_CERT_FILE", None)
    return found


def _from_variables(environment: Mapping[str, str]) -> dict[str, str]:
    prefix = "PIP_"
    return {
        name.removeprefix(prefix).lower().replace("_", "-"): value
        for name, value in environment.items()
        if name.startswith(prefix) and value
    }


def _from_files(environment: Mapping[str, str]) -> dict[str, str]:
    parser = configparser.RawConfigParser(strict=False)
    named = environment.get("PIP_CONFIG_FILE")
    files = [] if named == os.devnull else [*_files(environment), *([Path(named)] if named else [])]
    for file in files:
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise ValueError(f"pip's configuration {file} cannot be read: {error}") from error
    settings: dict[str, str] = {}
    for section in ("global", "install"):
        if parser.has_section(section):
            settings |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    return settings


def _files(environment: Mapping[str, str]) -> list[Path]:
    """pip's files, what counts more after what counts less."""
    home = Path(environment.get("HOME", "/nonexistent"))
    return [
        *(
            Path(folder, "pip/pip.conf")
            for folder in environment.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":")
        ),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        Path(environment.get("XDG_CONFIG_HOME") or home / ".config", "pip/pip.conf"),
        Path(sys.prefix, "pip.conf"),
    ]
