"""The next command names the target: another default must not send it to another host."""

from deployctl.rollout.hints import for_target


def test_every_command_names_the_target() -> None:
    text = "deployctl logs; deployctl rollback --to r1. Or deployctl compose diagnose FILE"
    assert for_target(text, "prod") == (
        "deployctl logs --target prod; deployctl rollback --target prod --to r1. "
        "Or deployctl compose diagnose FILE"
    )


def test_the_compose_commands_that_go_to_a_host_name_it_too() -> None:
    text = "deployctl compose diagnose; deployctl compose repair --from-release r1"
    assert for_target(text, "prod") == (
        "deployctl compose diagnose --target prod; "
        "deployctl compose repair --target prod --from-release r1"
    )


def test_one_that_names_it_is_left_alone() -> None:
    assert for_target("deployctl status --target a", "b") == "deployctl status --target a"
