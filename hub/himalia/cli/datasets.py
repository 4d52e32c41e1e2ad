"""`himalia datasets`: versions of files that jobs and notebooks read."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from himalia.cli.dataset_preview import show_preview
from himalia.cli.output import ExitCode, JsonOption, print_json, print_table, printable, say, size
from himalia.cli.progress import bar, waiting
from himalia.cli.session import ProjectOption, ago, connected, pairs

if TYPE_CHECKING:
    from himalia.client.datasets import Dataset, Version

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Versions of files that jobs and notebooks read. A version is written as digits@3 or digits@gold.",
)

NameArgument = Annotated[str, typer.Argument(help="The dataset's name.")]
Reference = Annotated[
    str,
    typer.Argument(metavar="DATASET[@VERSION]", help="A version, by number or alias. [default: the latest]"),
]
Prefix = Annotated[str, typer.Option(help="Only files whose paths begin so.")]
Limit = Annotated[int, typer.Option(min=1, help="How many, newest first.")]


@app.command()
def add(
    dataset: NameArgument,
    source: Annotated[Path, typer.Argument(help="A folder, or one file.")],
    note: Annotated[str, typer.Option(help="What is to be said of this version.")] = "",
    alias: Annotated[list[str] | None, typer.Option(help="An alias for it. Repeatable.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the latest version's other files.")] = False,
    onto_latest: Annotated[
        bool, typer.Option("--onto-latest", help="Lay the files over what somebody else adds meanwhile.")
    ] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a version of the files in a folder, or of one file; only what the project lacks is sent."""
    with connected(project) as client, bar(not as_json) as progress:
        version = client.datasets.add(
            dataset,
            source,
            note=note,
            aliases=alias or [],
            keep=keep,
            onto="latest" if onto_latest else "base",
            progress=progress,
        )
    _show_added(version, as_json, alias or [])


def _show_added(version: Version, as_json: bool, aliases: list[str]) -> None:
    if as_json:
        print_json(version.to_dict())
    elif version.is_new:
        say(f"{version.name}: {version.status.files:,} files, {size(version.status.size)}")
    else:
        named = f", which is {' and '.join(aliases)} now" if aliases else ""
        say(f"Nothing differs from version {version.number}{named}.")


@app.command("import")
def import_files(
    dataset: NameArgument,
    source: Annotated[str, typer.Argument(help="A zip or tar archive, or with --from-server a path there.")],
    from_server: Annotated[
        bool, typer.Option("--from-server", help="A folder of the platform's machine that is open for this.")
    ] = False,
    into: Annotated[str, typer.Option(help="Folder of the version to put the files into.")] = "",
    note: Annotated[str, typer.Option(help="What is to be said of this version.")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="Keep the latest version's other files.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Have the platform unpack an archive, or copy a folder of its machine, and make a version of the files."""
    with connected(project) as client, waiting("Beginning the import", not as_json) as told:
        add = client.datasets.add_from_server if from_server else client.datasets.add_archive
        version = add(dataset, source, into=into, note=note, keep=keep, told=told)
    _show_added(version, as_json, [])


@app.command()
def preview(dataset: Reference, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show what there is to see in a version: kinds of files, labels of pictures, columns of tables."""
    with connected(project) as client, waiting("Looking at the files", not as_json):
        seen = client.datasets.preview(dataset)
    if as_json:
        print_json(seen)
    else:
        show_preview(seen)


@app.command()
def croissant(dataset: Reference, project: ProjectOption = None) -> None:
    """Describe a version as Croissant 1.1 (JSON-LD), for other platforms and search engines for data."""
    with connected(project) as client:
        print_json(client.datasets.croissant(dataset))


@app.command()
def create(
    dataset: NameArgument,
    title: Annotated[str, typer.Option(help="A title for people.")] = "",
    description: Annotated[str, typer.Option(help="What it is about, in Markdown.")] = "",
    license: Annotated[str, typer.Option(help="An SPDX identifier or an address.")] = "",
    label: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="A label. Repeatable.")] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a dataset without versions; `add` makes it too."""
    with connected(project) as client:
        made = client.datasets.create(
            dataset,
            title=title,
            description=description,
            license=license,
            labels=pairs(label or [], "--label"),
        )
    print_json(made.to_dict()) if as_json else say(made.name)


@app.command("list")
def list_datasets(
    text: Annotated[str | None, typer.Option(help="Only names with this in them.")] = None,
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Only with this label.")
    ] = None,
    deleted: Annotated[bool, typer.Option("--deleted", help="Deleted ones that can be restored.")] = False,
    limit: Limit = 50,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the project's datasets, newest first."""
    with connected(project) as client:
        found = client.datasets.list(text=text, label=pairs(label or [], "--label"), deleted=deleted)
        datasets = list(islice(found, limit))
    if as_json:
        print_json([dataset.to_dict() for dataset in datasets])
    elif datasets:
        print_table(("NAME", "LATEST", "FILES", "SIZE", "ADDED", "TITLE"), map(_row, datasets))
    else:
        say("There are no such datasets. Add one with: himalia datasets add NAME FOLDER")


def _row(dataset: Dataset) -> tuple[object, ...]:
    latest = dataset.status.latest
    if latest is None:
        return dataset.name, "", "", "", "", dataset.spec.title
    return (
        dataset.name,
        latest.number,
        f"{latest.files:,}",
        size(latest.size),
        ago(latest.created_at),
        dataset.spec.title,
    )


@app.command()
def show(dataset: Reference, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Show a dataset, or with @VERSION one version, in full."""
    with connected(project) as client:
        if "@" in dataset:
            version = client.datasets.version(dataset)
            print_json(version.to_dict()) if as_json else _version_in_full(version)
            return
        found = client.datasets.get(dataset)
    print_json(found.to_dict()) if as_json else _in_full(found)


def _in_full(dataset: Dataset) -> None:
    spec, status = dataset.spec, dataset.status
    lines = [
        ("Name", f"{dataset.project}/{dataset.name}"),
        ("Title", spec.title),
        ("License", spec.license),
        ("Keywords", ", ".join(spec.keywords)),
        ("Labels", ", ".join(f"{key}={value}" for key, value in dataset.labels.items())),
        ("Versions", str(status.versions)),
        ("Aliases", ", ".join(f"{alias}={number}" for alias, number in status.aliases.items())),
        ("Made", f"{ago(dataset.created_at)} by {dataset.created_by.name}"),
        ("", spec.description),
    ]
    _say_lines(lines)


def _version_in_full(version: Version) -> None:
    status = version.status
    lines = [
        ("Name", f"{version.project}/{version.name}"),
        ("Files", f"{status.files:,}"),
        ("Size", size(status.size)),
        ("Aliases", ", ".join(status.aliases)),
        ("From job", status.source_job or ""),
        ("Digest", status.digest),
        ("Made", f"{ago(version.created_at)} by {version.created_by.name}"),
        ("", version.spec.note),
    ]
    _say_lines(lines)


def _say_lines(lines: list[tuple[str, str]]) -> None:
    for title, text in lines:
        for line in text.splitlines():
            say(f"{title:<10}{printable(line)}")


@app.command()
def versions(
    dataset: NameArgument,
    deleted: Annotated[bool, typer.Option("--deleted", help="Deleted ones that can be restored.")] = False,
    limit: Limit = 50,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a dataset's versions, newest first."""
    with connected(project) as client:
        found = list(islice(client.datasets.versions(dataset, deleted=deleted), limit))
    if as_json:
        print_json([version.to_dict() for version in found])
        return
    rows = [
        (
            one.number,
            ", ".join(one.status.aliases),
            f"{one.status.files:,}",
            size(one.status.size),
            ago(one.created_at),
            one.created_by.name,
            one.spec.note.partition("\n")[0],
        )
        for one in found
    ]
    print_table(("VERSION", "ALIASES", "FILES", "SIZE", "ADDED", "BY", "NOTE"), rows)


@app.command()
def files(
    dataset: Reference, prefix: Prefix = "", project: ProjectOption = None, as_json: JsonOption = False
) -> None:
    """List the files of a version."""
    with connected(project) as client, waiting("Listing the files", not as_json):
        found = list(client.datasets.files(dataset, prefix=prefix))
    if as_json:
        print_json([file.to_dict() for file in found])
    else:
        print_table(("SIZE", "PATH"), [(size(file.size), file.path) for file in found])


@app.command()
def diff(
    dataset: Reference,
    since: Annotated[
        str | None, typer.Option("--from", help="The version to compare with. [default: the one before]")
    ] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the files that were added, removed or changed since another version."""
    with connected(project) as client, waiting("Comparing the files", not as_json):
        found = list(client.datasets.diff(dataset, since))
    if as_json:
        print_json([file.to_dict() for file in found])
        return
    rows = [(one.change, _size(one.old_size), _size(one.new_size), one.path) for one in found]
    print_table(("CHANGE", "BEFORE", "AFTER", "PATH"), rows) if rows else say("There is no difference.")


def _size(count: int | None) -> str:
    return "" if count is None else size(count)


@app.command()
def download(
    dataset: Reference,
    to: Annotated[Path, typer.Option(help="Folder to save the files in.")] = Path(),
    prefix: Prefix = "",
    project: ProjectOption = None,
) -> None:
    """Save the files of a version. What is there already, with the same bytes, is left alone."""
    with connected(project) as client, bar() as progress:
        saved = client.datasets.download(dataset, to, prefix=prefix, progress=progress)
    say(f"{len(saved):,} files are in {to}.")


@app.command()
def checkout(dataset: Reference, project: ProjectOption = None) -> None:
    """Lay a version out, read-only, where notebook servers and jobs of the project see it; prints where."""
    with connected(project) as client, waiting("Laying the files out"):
        folder = client.datasets.checkout(dataset)
    say(str(folder))


@app.command()
def verify(dataset: Reference, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Have the platform read all files of a version again; fails where one is damaged."""
    with connected(project) as client, waiting("Reading all files again", not as_json):
        check = client.datasets.verify(dataset)
    if as_json:
        print_json(check.to_dict())
    else:
        say(check.message or check.state)
        if check.damaged:
            print_table(("DAMAGE", "PATH"), [(one.change, one.path) for one in check.damaged])
    if not check.intact:
        raise typer.Exit(ExitCode.FAILURE)


@app.command()
def alias(
    dataset: Reference,
    name: Annotated[str, typer.Argument(help="The alias, such as gold.")],
    remove: Annotated[bool, typer.Option("--remove", help="Forget the alias instead.")] = False,
    project: ProjectOption = None,
) -> None:
    """Let an alias stand for a version, whatever it stood for before."""
    with connected(project) as client:
        if remove:
            client.datasets.remove_alias(dataset, name)
        else:
            say(f"{name} is {client.datasets.set_alias(dataset, name).name}")


@app.command("from-job")
def from_job(
    dataset: NameArgument,
    job: Annotated[str, typer.Argument(help="The job's name.")],
    path: Annotated[str, typer.Option(help="Folder of its outputs. [default: all of them]")] = "",
    note: Annotated[str, typer.Option(help="What is to be said of this version.")] = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a version of the files that a job left."""
    with connected(project) as client, waiting("Making a version", not as_json):
        version = client.datasets.add_from_job(dataset, job, path, note=note)
    print_json(version.to_dict()) if as_json else say(version.name)


@app.command()
def delete(
    dataset: Reference,
    cascade: Annotated[bool, typer.Option("--cascade", help="Even while something came from it.")] = False,
    project: ProjectOption = None,
) -> None:
    """Delete a dataset, or with @VERSION one version; it can be restored for 30 days."""
    with connected(project) as client:
        client.datasets.delete(dataset, cascade=cascade)


@app.command()
def restore(
    dataset: Reference,
    name: Annotated[str | None, typer.Option(help="New name, where the old one is taken.")] = None,
    project: ProjectOption = None,
) -> None:
    """Bring back a deleted dataset, or with @VERSION a version of one that is there."""
    with connected(project) as client:
        say(client.datasets.restore(dataset, name=name).name)
