"""What a target wants before anything is changed: `approval:`, a word or a mapping."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, WithJsonSchema, model_validator

from deployctl.config.fields import ApproverCount, LocalPath
from deployctl.config.section import Section

How = Literal["none", "typed", "signed"]
WORDS: Final = ("none", "typed", "signed")


class ApprovalSettings(Section):
    """What a rollout needs before it changes anything."""

    how: How
    """Nothing, EXECUTE typed (or --yes), or signed approvals (`deployctl approve`)."""
    approvers: ApproverCount = 1
    """How many people must have signed the plan; a person's second key counts for nothing."""
    allowed_signers: LocalPath | None = None
    """Who may sign: a file of OpenSSH's, as ssh-keygen(1) describes it under ALLOWED SIGNERS.

    Keep it in reviewed git, never on the host.
    """

    @model_validator(mode="after")
    def _signers_are_known(self) -> Self:
        if self.how == "signed" and self.allowed_signers is None:
            raise ValueError(
                "expected who may sign, as in {how: signed, allowed_signers: allowed_signers}"
            )
        if self.how != "signed" and self.model_fields_set & {"approvers", "allowed_signers"}:
            raise ValueError("expected `how: signed` beside approvers and allowed_signers")
        return self


def _spelt_out(value: Any) -> Any:
    """`typed` as `{how: typed}`."""
    if isinstance(value, dict | ApprovalSettings):
        return value
    if isinstance(value, str):
        return {"how": value}
    raise ValueError(f"expected {', '.join(WORDS)}, or a mapping such as {{how: signed, …}}")


_SCHEMA: Final[dict[str, Any]] = {
    "description": "What a rollout needs: one of the words, or a mapping that says more.",
    "anyOf": [
        # `signed` alone does not say who may sign.
        {"enum": ["none", "typed"]},
        {
            "type": "object",
            "properties": {
                "how": {"enum": list(WORDS)},
                "approvers": {"type": "integer", "minimum": 1, "maximum": 20},
                "allowed_signers": {"type": "string"},
            },
            "required": ["how"],
            "additionalProperties": False,
        },
    ],
}
ApprovalField = Annotated[
    ApprovalSettings, BeforeValidator(_spelt_out), WithJsonSchema(_SCHEMA, mode="validation")
]


def typed() -> ApprovalSettings:
    """What holds where nothing is said."""
    return ApprovalSettings(how="typed")
