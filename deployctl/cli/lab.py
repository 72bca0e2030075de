"""`deployctl lab`: a disposable server on this machine, to rehearse on."""

import json
import os
import sys
from enum import StrEnum
from typing import Annotated

import typer

app = typer.Typer(
    help="A disposable server on this machine, to rehearse a hotfix on.", no_args_is_help=True
)


class Output(StrEnum):
    """How `lab status` answers."""

    TEXT = "text"
    JSON = "json"


Name = Annotated[str, typer.Option(help="The lab's name; also its target's.")]
NamePlace = Annotated[str, typer.Argument(metavar="[NAME]", help="The lab's name.")]


def _say(text: str) -> None:
    typer.echo(text, err=True)


@app.command()
def up(
    name: Name = "lab",
    hosts: Annotated[int, typer.Option(min=1, max=9, help="How many hosts.")] = 1,
) -> None:
    """Start a lab: a host with the sample application's first release running."""
    from deployctl.lab.service import Lab  # noqa: PLC0415 - keeps the command line quick

    lab = Lab(name, say=_say).up(hosts=hosts)
    _say(f"up. Next: deployctl hotfix --target {lab.record.hosts[0].target} --sha d73cfb1")


@app.command()
def down(
    name: NamePlace = "lab",
    all_: Annotated[bool, typer.Option("--all", help="Every lab.")] = False,
    images: Annotated[bool, typer.Option("--images", help="Also the images they use.")] = False,
) -> None:
    """Remove a lab with everything that belongs to it."""
    from deployctl.lab import service, template  # noqa: PLC0415

    for lab in service.all_labs() if all_ else [service.Lab(name)]:
        lab.down()
        _say(f"{lab.name} is gone")
    if images:
        template.remove_all()
        _say("the lab's images are gone")


@app.command(context_settings={"ignore_unknown_options": True})
def ssh(
    name: NamePlace = "lab",
    command: Annotated[list[str] | None, typer.Argument(help="Run this; else a shell.")] = None,
    host: Annotated[int, typer.Option(min=1, help="Which host of the lab.")] = 1,
    user: Annotated[str, typer.Option(help="deploy, sudoer, nodocker or minimal.")] = "deploy",
) -> None:
    """Log in to a lab's host."""
    from deployctl.errors import UsageError  # noqa: PLC0415
    from deployctl.lab.service import Lab  # noqa: PLC0415

    record = Lab(name).record
    if host > len(record.hosts):
        raise UsageError(f"The lab {name} has {len(record.hosts)} hosts; there is no host {host}.")
    place = record.hosts[host - 1]
    words = [
        "ssh", "-F", os.devnull, "-i", str(record.key_file), "-o", "IdentitiesOnly=yes",
        "-o", f"UserKnownHostsFile={record.known_hosts}", "-o", "StrictHostKeyChecking=yes",
        "-p", str(place.port), f"{user}@{place.address}", *(command or []),
    ]  # fmt: skip
    sys.stdout.flush()
    os.execvp("ssh", words)  # noqa: S606 - the terminal becomes ssh's


@app.command()
def status(
    output: Annotated[Output, typer.Option(help="How to answer.")] = Output.TEXT,
) -> None:
    """List the labs, and how each host is reached."""
    from deployctl.lab import service  # noqa: PLC0415
    from deployctl.lab.docker import require_engine  # noqa: PLC0415

    require_engine()
    labs = [lab.status() for lab in service.all_labs()]
    if output is Output.JSON:
        typer.echo(
            json.dumps({"schemaVersion": 1, "command": "lab status", "labs": labs}, indent=2)
        )
        return
    if not labs:
        _say("no labs. Next: deployctl lab up")
    for lab in labs:
        _say(f"{lab['name']}  {lab['repository']}")
        for host in lab["hosts"]:
            power = "running" if host["running"] else "off"
            _say(f"  {host['target']}  {host['user']}@{host['address']}:{host['port']}  {power}")
