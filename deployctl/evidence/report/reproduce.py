"""Commands by which anybody can repeat each validation, or check the seal. Pure."""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from deployctl.evidence import approval
from deployctl.evidence import predicate as seal
from deployctl.evidence.report.plain_text import one_line
from deployctl.evidence.report.story import CONFIRMED, Answer, Story
from deployctl.evidence.report.words import Words

_LATEST_FIRST: Final = ("rollback", "after", "before")


@dataclass(frozen=True)
class Command:
    """`expected` is what its output should be or hold, `seen` what it was in this run, `when`."""

    about: str
    line: str
    expected: str = ""
    seen: str = ""
    when: str = ""


def commands(story: Story, words: Words) -> tuple[Command, ...]:
    """One for each validation, as far as the evidence has what it takes."""
    return (*_gates(story, words), *_containers(story, words), *_files(story, words))


def _gates(story: Story, words: Words) -> Iterator[Command]:
    for name in story.gates:
        answers = [a for a in _last(story.answers_to(name)) if a.asked.asked]
        gate = story.gate(name, answers[0].when) if answers else None
        if gate is None:
            continue
        yield Command(
            words("reproduce.gate", gate=name, service=gate.service or "-"),
            "\n".join(_line(answer.asked.asked) for answer in answers),
            gate.threshold,
            gate.observed or "-",
            words(f"when.{gate.when}"),
        )


def _last(answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    for when in _LATEST_FIRST:
        found = tuple(answer for answer in answers if answer.when == when)
        if found:
            return found
    return ()


def _line(asked: str) -> str:
    """A command's own text, or the URL's request."""
    if asked.startswith(("http://", "https://")):
        return f"curl -sS -i {shlex.quote(one_line(asked))}"
    return one_line(asked)


def _containers(story: Story, words: Words) -> Iterator[Command]:
    for service in story.result.services:
        if service.container_id:
            container = shlex.quote(service.container_id[:12])
            line = f"docker inspect --format '{{{{.Image}}}} {{{{.State.Status}}}}' {container}"
            about = words("reproduce.container", service=service.name)
            image = service.image_id or words("unknown")
            yield Command(about, line, words("reproduce.running", image=image))


def _files(story: Story, words: Words) -> Iterator[Command]:
    """Of a confirmed release: after a rollback the file may have a later edit of others as well."""
    if story.plan is None or not story.swapped or story.result.result not in CONFIRMED:
        return
    for file in story.plan.decisions.files:
        about = words("reproduce.file", path=file.path)
        line = f"sha256sum {shlex.quote(one_line(file.path))}"
        yield Command(about, line, file.after_sha256)


def verification(story: Story, words: Words) -> tuple[Command, ...]:
    """To be typed in the run's directory."""
    listed = (
        "jq -r .payload seal.json | base64 -d | jq -r '.predicate.artefacts[]"
        if story.statement
        else "cat seal.json | jq -r '.artefacts[]"
    )
    found = [
        Command(
            words("verify.digest"), "sha256sum seal.json", story.seal_digest.removeprefix("sha256:")
        ),
        Command(
            words("verify.artefacts"),
            f'{listed} | "\\(.sha256)  \\(.name)"\' |\n  sha256sum --check',
        ),
    ]
    if story.keys:
        found.append(
            Command(words("verify.signature"), _signed(story.seal_path.name, seal.NAMESPACE))
        )
    found += [_validated(each.file, words) for each in story.validations if each.by]
    if story.statement:
        found.append(Command(words("verify.all"), "deployctl verify seal.json"))
    return tuple(found)


def _validated(file: str, words: Words) -> Command:
    """A person's word on the seal: whose it is, and that it is on this one."""
    which = (
        "jq -r .predicate.sealDigest payload | sed 's/^sha256:\\(.*\\)/\\1  seal.json/'"
        " | sha256sum --check"
    )
    return Command(
        words("verify.validation", file=file), f"{_signed(file, approval.NAMESPACE)} &&\n{which}"
    )


def _signed(file: str, namespace: str) -> str:
    """Leaves what was signed as `payload`."""
    name = shlex.quote(one_line(file))
    return (
        f"jq -r .payload {name} | base64 -d > payload\n"
        f"jq -r '.signatures[0].sig' {name} | base64 -d > signature\n"
        "{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' \"$(wc -c < payload)\"\n"
        f"  cat payload; }} | ssh-keygen -Y verify"
        f" -f allowed_signers -I WHO -n {namespace} -s signature"
    )
