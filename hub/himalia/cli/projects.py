"""`himalia projects`: shared spaces and their members."""

from __future__ import annotations

from typing import Annotated

import typer

from himalia.cli.output import JsonOption, print_json, print_table, printable, say
from himalia.cli.session import ProjectOption, ago, connected, in_words

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Shared spaces and their members.",
)

NameArgument = Annotated[str, typer.Argument(metavar="PROJECT", help="The project's name.")]
GroupOption = Annotated[bool, typer.Option("--group", help="MEMBER is a group of the hub.")]


@app.command("list")
def list_projects(
    deleted: Annotated[bool, typer.Option("--deleted", help="Deleted ones that can be restored.")] = False,
    everyone: Annotated[
        bool, typer.Option("--all", "--everyone", help="Everybody's; for administrators.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List the projects you are a member of, or with --all every one."""
    with connected() as client:
        projects = client.projects.list(deleted=deleted, everyone=everyone)
    if as_json:
        print_json([project.to_dict() for project in projects])
        return
    rows = [
        (
            p.name,
            p.spec.title or ("your own" if p.status.personal else ""),
            p.status.role,
            p.status.running,
            p.status.waiting,
        )
        for p in projects
    ]
    print_table(("NAME", "TITLE", "YOU ARE", "RUNNING", "WAITING"), rows)


@app.command()
def create(
    name: NameArgument,
    title: Annotated[str, typer.Option(help="A title for people.")] = "",
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Make a shared project; you are its owner."""
    with connected() as client:
        project = client.projects.create(name, title=title, description=description)
    if as_json:
        print_json(project.to_dict())
    else:
        say(project.name)


@app.command()
def show(
    name: Annotated[
        str | None, typer.Argument(metavar="[PROJECT]", help="[default: the current one]", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show a project."""
    with connected() as client:
        project = client.projects.get(name)
    if as_json:
        print_json(project.to_dict())
        return
    status = project.status
    lines = [
        ("Name", project.name),
        ("Title", project.spec.title),
        ("About", project.spec.description),
        ("You are", status.role),
        ("Workloads", f"{status.running} running, {status.waiting} waiting"),
        ("Created", f"{ago(project.created_at)} by {project.created_by.name}"),
    ]
    for title, text in lines:
        if text:
            say(f"{title + ':':<14}{printable(text)}")


@app.command()
def update(
    name: NameArgument,
    new_name: Annotated[str | None, typer.Option("--name", help="A new name.")] = None,
    title: Annotated[str | None, typer.Option(help="A new title.")] = None,
    description: Annotated[str | None, typer.Option(help="A new description.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Change a project's name, title or description."""
    with connected() as client:
        project = client.projects.update(name, name=new_name, title=title, description=description)
    if as_json:
        print_json(project.to_dict())
    else:
        say(project.name)


@app.command()
def delete(
    name: NameArgument,
    cascade: Annotated[bool, typer.Option("--cascade", help="Stop what runs in it.")] = False,
) -> None:
    """Delete a project; it can be restored for 30 days."""
    with connected() as client:
        client.projects.delete(name, cascade=cascade)


@app.command()
def restore(
    name: Annotated[str, typer.Argument(metavar="PROJECT", help="The deleted project's name or id.")],
    new_name: Annotated[
        str | None, typer.Option("--name", help="A new name, where the old one is taken.")
    ] = None,
) -> None:
    """Bring a deleted project back."""
    with connected() as client:
        say(client.projects.restore(name, name=new_name).name)


@app.command()
def members(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the members of a project."""
    with connected(project) as client:
        found = client.projects.members()
    if as_json:
        print_json([member.to_dict() for member in found])
    else:
        print_table(("MEMBER", "KIND", "ROLE"), [(member.name, member.kind, member.role) for member in found])


@app.command("add-member")
def add_member(
    member: Annotated[str, typer.Argument(help="The person's or group's name.")],
    role: Annotated[str, typer.Argument(help="viewer, editor or owner.")] = "editor",
    group: GroupOption = False,
    project: ProjectOption = None,
) -> None:
    """Give a person or a group a role in a project."""
    with connected(project) as client:
        client.projects.set_member(member, role, kind="group" if group else "person")


@app.command("remove-member")
def remove_member(
    member: Annotated[str, typer.Argument(help="The person's or group's name.")],
    group: GroupOption = False,
    project: ProjectOption = None,
) -> None:
    """Take a member out of a project; what they run in it is stopped."""
    with connected(project) as client:
        client.projects.remove_member(member, kind="group" if group else "person")


@app.command()
def use(name: NameArgument) -> None:
    """Make a project the current one in this folder and below: writes himalia.toml."""
    from himalia.client.config import use_project

    with connected() as client:
        project = client.projects.get(name)
    with in_words():
        say(f"{printable(str(use_project(project.name)))}: project = {project.name}")
