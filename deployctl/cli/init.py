"""`deployctl init`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from deployctl.cli.output import Output
from deployctl.errors import UsageError


def init(
    context: typer.Context,
    *,
    host: Annotated[
        str | None, typer.Option("--host", help="Where production runs: [user@]host[:port].")
    ] = None,
    service: Annotated[
        list[str] | None,
        typer.Option("--service", help="The Compose service to hotfix. Repeatable."),
    ] = None,
    health: Annotated[
        str | None, typer.Option("--health", metavar="PATH", help="Path of the health check.")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option("--metrics", metavar="PATH", help="Path of the metrics.")
    ] = None,
    prometheus: Annotated[
        str | None,
        typer.Option("--prometheus", metavar="URL", help="Prometheus, as the host reaches it."),
    ] = None,
    job: Annotated[
        str | None, typer.Option("--job", help="The Prometheus job that scrapes the service.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", help="The Compose project; by default read live.")
    ] = None,
    image: Annotated[
        str | None, typer.Option("--image", help="The image's name; by default read live.")
    ] = None,
    target: Annotated[str, typer.Option("--target", "-t", metavar="NAME")] = "production",
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="The file to write.")
    ] = Path("deployctl.yml"),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write a deployctl.yml that explains itself."""
    from deployctl.config.starter import Answers, starter, write_starter  # noqa: PLC0415

    if config.exists() and not force:
        raise UsageError(
            f"{config} exists already.", next_step="Edit it, or overwrite it with --force."
        )
    asking = sys.stdin.isatty() and sys.stderr.isatty()
    host = host or _ask("host", "Host ([user@]host[:port])", asking=asking)
    services = service or _ask("service", "Compose service to hotfix", asking=asking).split()
    if health is None and asking:
        health = typer.prompt("Path of the health check", default="/health", err=True)
    if (prometheus is None) != (job is None):
        raise UsageError("--prometheus and --job belong together.", next_step="Give both.")
    answers = Answers(
        target=target,
        host=host,
        services=tuple(services),
        project=project,
        image=image,
        health=health or None,
        metrics=metrics,
        prometheus=(prometheus, job) if prometheus and job else None,
    )
    write_starter(config, starter(answers), target)
    Output.of(context).write(f"{config}\n")
    typer.echo(f"Next: deployctl doctor --target {target}", err=True)


def _ask(option: str, question: str, *, asking: bool) -> str:
    if not asking:
        raise UsageError(
            f"There is no terminal to ask on, and no --{option}.",
            next_step="deployctl init --host deploy@vps.example.com --service api --health /health",
        )
    return str(typer.prompt(question, err=True))
