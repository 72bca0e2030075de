"""`deployctl lab`: a disposable server on this machine, to rehearse on."""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output
from deployctl.lab.flavours import FLAVOURS

app = typer.Typer(
    help="A disposable server on this machine, to rehearse a hotfix on.", no_args_is_help=True
)

Name = Annotated[str, typer.Option("--name", help="The lab's name; also its target's.")]
NamePlace = Annotated[str, typer.Argument(metavar="NAME", help="The lab's name.")]


def _say(text: str) -> None:
    typer.echo(text, err=True)


_FLAVOURS = "\b\nFlavours:\n" + "\n".join(f"  {f.name:22}{f.summary}" for f in FLAVOURS)


@app.command(epilog=_FLAVOURS)
def up(
    *,
    name: Name = "lab",
    hosts: Annotated[int, typer.Option("--hosts", min=1, max=9, help="How many hosts.")] = 1,
    flavours: Annotated[
        list[str] | None,
        typer.Option(
            "--flavour", metavar="NAME", help="Make an awkward host; see below. Only one."
        ),
    ] = None,
) -> None:
    """Start a lab: a host with the sample application's first release running."""
    from deployctl.lab.service import Lab  # noqa: PLC0415 - keeps --help light

    lab = Lab(name, say=_say).up(hosts=hosts, flavour=_one_flavour(flavours or []))
    _say(f"up. Next: deployctl hotfix --target {lab.record.hosts[0].target} --sha d73cfb1")


def _one_flavour(names: Sequence[str]) -> str:
    """The last word would win without a word about the others."""
    from deployctl.errors import UsageError  # noqa: PLC0415 - keeps --help light

    if len(names) > 1:
        raise UsageError(
            f"A lab has one flavour, and {len(names)} are named: {', '.join(names)}.",
            next_step=f"deployctl lab up --flavour {names[0]}, and what else it needs by hand: "
            "deployctl lab ssh",
        )
    return names[0] if names else ""


@app.command()
def down(
    place: NamePlace = "",
    *,
    name: Name = "lab",
    every: Annotated[bool, typer.Option("--all", help="Every lab.")] = False,
    images: Annotated[bool, typer.Option("--images", help="Also the images they use.")] = False,
) -> None:
    """Remove a lab with everything that belongs to it."""
    from deployctl.lab import service, template  # noqa: PLC0415 - keeps --help light

    for lab in service.all_labs() if every else [service.Lab(place or name)]:
        lab.down()
        _say(f"{lab.name} is gone")
    if images:
        template.remove_all()
        _say("the lab's images are gone")


@app.command(options_metavar="[OPTIONS]")
def ssh(
    context: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="NAME -- COMMAND", help="The lab, and what to run on it."),
    ] = None,
    *,
    host: Annotated[int, typer.Option("--host", min=1, help="Which host of the lab.")] = 1,
    user: Annotated[
        str, typer.Option("--user", help="deploy, sudoer, nodocker or minimal.")
    ] = "deploy",
) -> None:
    """Log in to a lab's host, or run a command on it."""
    from deployctl.errors import UsageError  # noqa: PLC0415 - keeps --help light
    from deployctl.lab.service import Lab  # noqa: PLC0415 - keeps --help light

    name, command = _name_and_command(words or [], Output.of(context).argv)
    record = Lab(name).record
    if host > len(record.hosts):
        raise UsageError(
            f"The lab {name} has no host {host}, only {len(record.hosts)}.",
            next_step=f"deployctl lab up --name {name} --hosts {host}",
        )
    place = record.hosts[host - 1]
    words = [
        "ssh", "-F", os.devnull, "-i", str(record.key_file), "-o", "IdentitiesOnly=yes",
        "-o", f"UserKnownHostsFile={record.known_hosts}", "-o", "StrictHostKeyChecking=yes",
        "-p", str(place.port), f"{user}@{place.address}", *command,
    ]  # fmt: skip
    sys.stdout.flush()
    os.execvp("ssh", words)  # noqa: S606 - the terminal becomes ssh's


def _name_and_command(words: list[str], argv: Sequence[str]) -> tuple[str, list[str]]:
    """Tell the lab's name from the command, which is all that follows `--`."""
    from deployctl.errors import UsageError  # noqa: PLC0415 - keeps --help light

    command = list(argv[argv.index("--") + 1 :]) if "--" in argv else []
    names = words[: len(words) - len(command)]
    if len(names) > 1:
        raise UsageError(
            "A command for the host follows two dashes.",
            next_step=f"deployctl lab ssh {names[0]} -- {' '.join(names[1:])}",
        )
    return (names[0] if names else "lab"), command


@app.command()
def status(
    context: typer.Context,
    place: NamePlace = "",
    *,
    name: Annotated[str, typer.Option("--name", help="The same; without it every lab.")] = "",
    output: opt.Output = opt.OutputFormat.TEXT,
) -> None:
    """List the labs, or show one, and how each host is reached."""
    from deployctl.lab.docker import require_engine  # noqa: PLC0415 - keeps --help light
    from deployctl.lab.service import Lab, all_labs  # noqa: PLC0415
    from deployctl.ui.labs import LabEntry, Labs, labs_text  # noqa: PLC0415

    require_engine()
    wanted = [Lab(place or name)] if place or name else all_labs()
    labs = tuple(LabEntry.model_validate(asdict(lab.status())) for lab in wanted)
    Output.of(context).answer(output.value, Labs(labs=labs), labs_text)
