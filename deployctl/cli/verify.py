"""`deployctl verify`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deployctl.cli import options as opt
from deployctl.cli.output import Output

if TYPE_CHECKING:
    from deployctl.result import Document


def verify(
    context: typer.Context,
    seal: Annotated[
        Path,
        typer.Argument(parser=opt.file_path, metavar="SEAL", help="seal.json or a run's directory"),
    ],
    *,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            parser=opt.file_path,
            metavar="FILE",
            help="Who must have signed, for which target, how old it may be.",
        ),
    ] = None,
    allowed_signers: Annotated[
        Path | None,
        typer.Option(
            "--allowed-signers",
            parser=opt.file_path,
            metavar="FILE",
            help="Who may sign, as ssh-keygen has it; goes before the policy's.",
        ),
    ] = None,
    output: opt.Output = opt.OutputFormat.TEXT,
) -> int:
    """Say what the seal of a run proves, and what not. Needs no settings and no host.

    Exits with 23 unless all of it holds and it is known who signed.
    """
    from deployctl.evidence.policy import Policy, load_policy  # noqa: PLC0415
    from deployctl.rollout.verify import verify as check  # noqa: PLC0415

    asked = load_policy(policy) if policy is not None else Policy()
    if allowed_signers is not None:
        asked = asked.model_copy(update={"allowed_signers": allowed_signers})
    found = check(seal, asked)
    Output.of(context).answer(output.value, found, _text)
    return found.exit_code


def _text(document: "Document") -> list[str]:
    """The one line, and what it comes from below it."""
    from deployctl.ui.evidence import verify_text  # noqa: PLC0415

    line, _, *checks = verify_text(document)
    return [line, *(f"  {check}" for check in checks)]
