"""The command line, assembled from one module a command."""

from typing import Annotated

import typer

import deployctl
from deployctl.cli import compose, edge, lab
from deployctl.cli.approve import approve
from deployctl.cli.attach import attach
from deployctl.cli.audit import audit
from deployctl.cli.confirm import confirm
from deployctl.cli.docs import docs
from deployctl.cli.doctor import doctor
from deployctl.cli.history import history
from deployctl.cli.hotfix import hotfix
from deployctl.cli.init import init
from deployctl.cli.logs import logs
from deployctl.cli.output import Output
from deployctl.cli.plan import plan
from deployctl.cli.report import report
from deployctl.cli.rollback import rollback
from deployctl.cli.stats import stats
from deployctl.cli.status import status
from deployctl.cli.unlock import unlock
from deployctl.cli.verify import verify

app = typer.Typer(
    name="deployctl",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(context: typer.Context, wanted: bool) -> None:
    if wanted:
        Output.of(context).write(f"deployctl {deployctl.__version__}\n")
        raise typer.Exit


@app.callback(epilog="Settings, exit codes and more: deployctl docs")
def top(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which one.")
    ] = False,
) -> None:
    """A hotfix that proves itself, or puts everything back."""


for command in (
    hotfix,
    rollback,
    plan,
    approve,
    status,
    history,
    stats,
    logs,
    report,
    attach,
    confirm,
    unlock,
    verify,
    audit,
    doctor,
    init,
):
    app.command()(command)
app.add_typer(compose.app, name="compose")
app.add_typer(edge.app, name="edge")
app.add_typer(lab.app, name="lab")
app.command()(docs)
