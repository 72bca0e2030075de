"""`deployctl edge …`: a proxy before a service, so that no request is lost in a switch."""

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output
from deployctl.cli.settings import load_settings

app = typer.Typer(help="A proxy before both colours of a service.", no_args_is_help=True)


@app.callback()
def edge() -> None:
    """A proxy before both colours of a service."""


@app.command()
def plan(
    context: typer.Context,
    *,
    target: opt.Target = None,
    config: opt.Config = None,
    output: opt.Output = opt.OutputFormat.TEXT,
) -> int:
    """Show what an edge before the target's service would change; nothing is changed.

    Exits with 23 if the service can't be behind one, with every reason.
    """
    from deployctl.rollout.edge_plan import edge_plan  # noqa: PLC0415
    from deployctl.ui.edge import edge_plan_text  # noqa: PLC0415

    found = edge_plan(load_settings(target, config), Output.of(context).ask_passphrase)
    Output.of(context).answer(output.value, found, edge_plan_text)
    return found.exit_code
