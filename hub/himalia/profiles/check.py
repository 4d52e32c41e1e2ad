"""What is wrong with a profile's file, by line, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from himalia.profiles.units import UnitError, parse_memory, parse_reserved_cpus, parse_timeout


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair. `line` counts from 1."""

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class ProfilesError(ValueError):
    """The folder cannot be used as it is; `problems` lists everything that was found, and so does the message."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


@cache
def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of one profile file."""
    loaded: dict[str, Any] = json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))
    return loaded


def read(file: Path) -> tuple[Any, list[Problem]]:
    """The file's content, which may be trusted when the list of problems is empty."""
    try:
        data = YAML(typ="rt").load(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        return None, [Problem(file, 1, "the file is not UTF-8 text. Save it as UTF-8.")]
    except OSError as error:
        return None, [Problem(file, 1, f"the file cannot be read: {error.strerror}.")]
    except MarkedYAMLError as error:
        mark = error.problem_mark
        return None, [Problem(file, mark.line + 1 if mark else 1, f"this is not YAML: {error.problem}.")]
    except YAMLError:
        return None, [Problem(file, 1, "this is not YAML: it holds characters that are not allowed.")]
    errors = Draft202012Validator(schema()).iter_errors(data)
    # A value can be wrong in two ways and said in one.
    problems = {problem for error in errors for problem in _explain(file, data, error)}
    problems = problems or {Problem(file, *found) for found in _check(data)}
    return data, sorted(problems, key=lambda problem: (problem.line, problem.text))


def _explain(file: Path, data: Any, error: ValidationError) -> Iterator[Problem]:
    """The validator's error in words, once for each key that it is about."""
    path: list[str | int] = list(error.absolute_path)
    value: Any = error.instance
    expected: Any = error.schema
    if error.validator == "required":
        for key in expected["required"]:
            if key not in value:
                text = f"{_where([*path, key])} is missing. Add it: {_hint(expected['properties'][key])}."
                yield Problem(file, line_of(data, path), text)
    elif error.validator == "additionalProperties":
        known = ", ".join(expected["properties"])
        for key in [key for key in value if key not in expected["properties"]]:
            text = f"{_where([*path, key])} is not known. Known here are: {known}."
            yield Problem(file, line_of(data, [*path, key]), text)
    else:
        # The name of a property has no path of its own: the last part is the name itself.
        named = "propertyNames" in error.absolute_schema_path
        at = path + [value] * named
        text = f"{_where(at)}: {_shown(value)} cannot be used. Expected: {_hint(expected)}."
        yield Problem(file, line_of(data, at), text)


def _hint(expected: dict[str, Any]) -> str:
    while "description" not in expected:
        expected = schema()["$defs"][expected["$ref"].rpartition("/")[2]]
    text: str = expected["description"]
    return text[0].lower() + text[1:]


def _check(data: Any) -> Iterator[tuple[int, str]]:
    """(line, text) of what a schema cannot say."""
    names: set[str] = set()
    for index, size in enumerate(data["sizes"]):
        if size["name"] in names:
            at: list[str | int] = ["sizes", index, "name"]
            text = f"{_where(at)}: {size['name']!r} is there twice. Give each size its own name."
            yield line_of(data, at), text
        names.add(size["name"])
    defaults = [index for index, size in enumerate(data["sizes"]) if size.get("default")]
    for index in defaults[1:]:
        text = f"sizes[{index + 1}].default: another size is the default already. Keep one of them."
        yield line_of(data, ["sizes", index, "default"]), text
    yield from _check_units(data, data, [])


def _check_units(data: Any, value: Any, path: list[str | int]) -> Iterator[tuple[int, str]]:
    """The patterns let amounts through that are none, such as zero bytes."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _check_units(data, child, [*path, key])
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _check_units(data, child, [*path, index])
    else:
        try:
            if path[-1] == "cpus":
                parse_reserved_cpus(value)
            elif path[-1] in ("memory", "shared_memory"):
                parse_memory(value)
            elif path[0] == "idle":
                parse_timeout(value)
        except UnitError as error:
            yield line_of(data, path), f"{_where(path)}: {error}"


def line_of(data: Any, path: Sequence[str | int]) -> int:
    """The line, from 1, where the value at `path` begins, or the closest thing around it that is there."""
    line = 0
    for part in path:
        try:
            line = data.lc.item(part)[0] if isinstance(part, int) else data.lc.key(part)[0]
            data = data[part]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return line + 1


def _where(path: Sequence[str | int]) -> str:
    text = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "the file"


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    return json.dumps(value, ensure_ascii=False, default=str)[:80]
