"""The Python SDK as a page to read, from its signatures and docstrings; tools/generate_docs.py writes it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import himalia.run
from himalia.client import AsyncClient, Client, errors
from himalia.client.dataset_upload import Sent
from himalia.client.following import Changed, EnvironmentText, LogText, Progress
from himalia.client.records import Record

WIDTH = 90
# Names that annotations use, and what they stand for to the reader.
MEANS = {
    "AnyPath": "str | PathLike[str]",
    "Limit": "float | str | timedelta",
    "Space": "Mapping[str, Any]",
    "Progress": "Callable[[Sent], None]",
    "Told": "Callable[[str, float | None], None]",
    "Update": "Changed | Progress | LogText | EnvironmentText",
    "AsyncJob": "Job",
    "builtins.list": "list",
}
# What verbs tell on the way, beside the records that they answer.
TOLD = (Sent, Changed, Progress, LogText, EnvironmentText)


def page() -> str:
    """The whole page as it should be."""
    client = Client("http://himalia.example", "of nobody")
    nouns = {
        name: verbs for name, verbs in vars(client).items() if not name.startswith("_") and name != "place"
    }
    parts = [
        HEAD,
        f"\n## Client {{ #client }}\n\n{call('himalia.Client', Client.__init__)}\n{markdown(Client)}\n",
    ]
    parts += [verb("client", name, Client) for name in ("whoami", "profiles", "close")]
    parts.append(f"\n`client.project`: {markdown(vars(Client)['project'])}\n")
    parts.append(f"\n## AsyncClient {{ #asyncclient }}\n\n{markdown(AsyncClient)}\n")
    for noun, verbs in nouns.items():
        parts.append(f"\n## client.{noun} {{ #{noun} }}\n\n{markdown(type(verbs._verbs))}\n")
        parts += [verb(f"client.{noun}", name, type(verbs)) for name in public(type(verbs))]
    parts.append("\n## What is answered\n\n" + ANSWERED)
    parts += [record(kind) for kind in answered([type(verbs) for verbs in nouns.values()])]
    parts.append(f"\n## himalia.run {{ #run }}\n\n{markdown(himalia.run)}\n")
    parts += [module_member(himalia.run, name) for name in sorted(himalia.run.__all__)]
    parts.append("\n## Errors\n\nAll are in `himalia.client.errors`.\n\n" + tree())
    return "".join(parts)


HEAD = """# All of the Python SDK

Every noun and verb, with its parameters. [Python SDK](sdk.md) is where to begin.

What the verbs of `himalia.Client` answer, those of `himalia.AsyncClient` answer to `await`, and those that \
answer an `Iterator` are iterated with `async for`. `project` is the project's name, by default the client's.
"""
ANSWERED = """The fields of each are attributes, and items, too: `job.name`, `job["name"]`; `to_dict()` is what the \
service sent. Times are `datetime` with their zone.
"""


def public(kind: type) -> list[str]:
    """The names of a class's own public methods, in the order in which they are written."""
    return [name for name, value in vars(kind).items() if inspect.isfunction(value) and name[0] != "_"]


def verb(noun: str, name: str, kind: type) -> str:
    """One verb: how it is called and what it does."""
    function = getattr(kind, name)
    anchor = f"{noun.removeprefix('client.')}-{name}"
    return f"\n### {name} {{ #{anchor} }}\n\n{call(f'{noun}.{name}', function, kind)}\n{markdown(function)}\n"


def call(name: str, function: Callable[..., Any], kind: type | None = None) -> str:
    """A signature as Python, over several lines where it is long."""
    signature = inspect.signature(function)
    own = [one for one in signature.parameters.values() if one.name != "self"]
    parameters = [shown(one, kind) for one in own]
    for place, one in enumerate(own):
        if one.kind is one.KEYWORD_ONLY:
            starred = any(before.kind is before.VAR_POSITIONAL for before in own)
            parameters[place:place] = [] if starred else ["*"]
            break
    answer = signature.return_annotation
    ends = "" if answer in (signature.empty, "None", None) else f" -> {annotation(answer, kind)}"
    line = f"{name}({', '.join(parameters)}){ends}"
    if len(line) > WIDTH:
        line = f"{name}(\n" + "".join(f"    {one},\n" for one in parameters) + f"){ends}"
    return f"```python\n{line}\n```\n"


def shown(one: inspect.Parameter, kind: type | None) -> str:
    """A parameter with its type and default."""
    star = "*" if one.kind is one.VAR_POSITIONAL else ""
    text = f"{star}{one.name}: {annotation(one.annotation, kind)}"
    return text if one.default is one.empty else f"{text} = {one.default!r}"


def annotation(text: Any, kind: type | None = None) -> str:
    """A type as the caller of the blocking client meets it."""
    words = str(text)
    made = {"Jobs": "Job", "Experiments": "Experiment", "Endpoints": "Endpoint"}
    if kind is not None:
        words = re.sub(r"\b[JXE]\b", made.get(kind.__name__, "Any"), words)
    for name, means in MEANS.items():
        words = re.sub(rf"\b{re.escape(name)}\b", means, words)
    words = re.sub(r"Optional\[(\w+)\]", r"\1 | None", words)
    words = re.sub(r"Union\[((?:[^][]|\[[^][]*\])*)\]", lambda found: found[1].replace(", ", " | "), words)
    words = (
        words.replace('"', "").replace("'", "").replace("Dict[", "dict[").replace("os.PathLike", "PathLike")
    )
    return re.sub(r"AsyncGenerator\[(.+), None\]", r"Iterator[\1]", words)


def known() -> dict[str, type]:
    """Everything that has a section of its own, by name."""
    kinds: list[type[Record]] = [Record]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return {kind.__name__: kind for kind in (*kinds[1:], *TOLD)}


def answered(nouns: list[type]) -> list[type]:
    """What verbs take and answer, and what is in its fields, each once and after what holds it."""
    kinds = known()
    found: dict[str, type] = {}

    def look(words: str) -> None:
        for name in re.findall(r"\w+", words):
            if name in kinds and name not in found:
                found[name] = kinds[name]
                for inner in fields(kinds[name]).values():
                    look(inner)

    for kind in (Client, *nouns):
        for name in public(kind):
            look(call("", getattr(kind, name), kind))
    return list(found.values())


def fields(kind: type) -> dict[str, str]:
    """The declared fields of a record with their types."""
    return {
        name: text
        for one in reversed(kind.__mro__)
        for name, text in inspect.get_annotations(one).items()
        if name[0] != "_"
    }


def record(kind: type) -> str:
    """A kind of answer: its fields, and the verbs that it has as methods."""
    text = f"\n### {kind.__name__} {{ #{kind.__name__.lower()} }}\n\n{markdown(kind)}\n\n"
    text += "".join(f"- `{name}`: {linked(inner)}\n" for name, inner in fields(kind).items())
    own = [name for one in kind.__mro__ if one not in (Record, object) for name in vars(one)]
    for name in dict.fromkeys(own):
        value = inspect.getattr_static(kind, name)
        if isinstance(value, property) and name[0] != "_":
            text += (
                f"- `{name}`: {linked(inspect.signature(value.fget).return_annotation)}. {markdown(value)}\n"
            )
    methods = [name for name in public(kind) if hasattr(getattr(kind, name), "__wrapped__")]
    if methods:
        noun = f"{kind.__name__.lower()}s"
        names = [f"[`{name}`](#{noun}-{getattr(kind, name).__name__})" for name in methods]
        text += f"\nIts methods are verbs of `client.{noun}`, called without naming it: {', '.join(names)}.\n"
    return text


def linked(text: str) -> str:
    """A type of a field, with links to other records."""
    kinds = known()
    return re.sub(
        r"\w+",
        lambda name: f"[{name[0]}](#{name[0].lower()})" if name[0] in kinds else name[0],
        annotation(text).replace("|", "or"),
    )


def module_member(module: ModuleType, name: str) -> str:
    """A function or a variable of a module."""
    function = getattr(module, name, None)
    head = f"\n### {name} {{ #run-{name} }}\n\n"
    if inspect.isfunction(function):
        return head + f"{call(f'himalia.run.{name}', function)}\n{markdown(function)}\n"
    comment = re.search(rf"((?:^#: .*\n)+)^{name}: ", inspect.getsource(module), re.MULTILINE)
    assert comment, f"himalia.run.{name} is not described"
    return (
        head
        + f"`himalia.run.{name}: {annotation(module.__annotations__[name])}`\n\n{comment[1].replace('#: ', '')}"
    )


def tree() -> str:
    """Every exception below the one that all have in common."""
    lines = []

    def add(kind: type[BaseException], depth: int) -> None:
        lines.append(f"{'    ' * depth}- `{kind.__name__}`: {(inspect.getdoc(kind) or '').splitlines()[0]}\n")
        for below in kind.__subclasses__():
            if below.__module__ == errors.__name__:
                add(below, depth + 1)

    add(errors.HimaliaError, 0)
    return "".join(lines)


def markdown(thing: Any) -> str:
    """The docstring as Markdown: without the marks of reStructuredText."""
    text = inspect.getdoc(thing) or ""
    text = re.sub(r":\w+:`([^`]+)`", r"`\1`", text)
    return re.sub(r"::$", ":", text, flags=re.MULTILINE).replace("``", "`").strip()
