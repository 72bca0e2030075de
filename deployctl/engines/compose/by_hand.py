"""What a person types on the host where deployctl could not put things back. Pure."""

import shlex
from collections.abc import Sequence

from deployctl.engines.compose.change import Edit
from deployctl.engines.compose.job import JobService
from deployctl.engines.compose.survey import Survey

NO_PULL = ("--no-deps", "--no-build", "--pull", "never")


def put_back_commands(
    survey: Survey, services: Sequence[JobService], edits: Sequence[Edit], run: str
) -> tuple[str, ...]:
    """The commands, in their order, that bring back files, images and services as surveyed.

    `run` is the run's directory on the host, where its job kept the files.
    """
    compose = (*survey.docker, "compose", *survey.compose_words)
    running = [service for service in services if service.held == "running"]
    stopped = [service.name for service in services if service.held == "stopped"]
    absent = [service.name for service in services if service.held == "absent"]
    commands: list[Sequence[str]] = [
        ("cp", "-p", f"{run}/edit.{number}.before", edit.path)
        for number, edit in enumerate(edits, 1)
    ]
    commands += [
        (*survey.docker, "tag", service.image_id, service.image_ref)
        for service in services
        if _is_tag(service.image_ref)
    ]
    if running:
        scales = [f"--scale={service.name}={service.scale}" for service in running]
        names = [service.name for service in running]
        commands.append((*compose, "up", "-d", *NO_PULL, *scales, *names))
    if stopped:
        commands.append((*compose, "up", "--no-start", *NO_PULL, *stopped))
    if absent:
        commands.append((*compose, "rm", "-sf", *absent))
    return tuple(shlex.join(command) for command in commands)


def _is_tag(reference: str) -> bool:
    """Whether the reference can be moved; one that is an image's digest or ID can't."""
    return bool(reference) and "@sha256:" not in reference and not reference.startswith("sha256:")
