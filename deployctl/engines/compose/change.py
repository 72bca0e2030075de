"""Which bytes of which Compose file change for a new image. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from deployctl import composefile
from deployctl.engines.compose.survey import ComposeSource
from deployctl.errors import RefusedError


@dataclass(frozen=True)
class Edit:
    """One Compose file with another image in it.

    `old_literal` is the image as it stood, or empty where the file had none for the services;
    `image` is the one that replaces it.
    `path` has its symlinks resolved; `named` is the path as Compose was given it.
    """

    path: str
    named: str
    before: bytes
    after: bytes
    old_literal: str
    image: str

    @property
    def before_sha256(self) -> str:
        return hashlib.sha256(self.before).hexdigest()

    @property
    def after_sha256(self) -> str:
        return hashlib.sha256(self.after).hexdigest()

    @property
    def diff(self) -> str:
        return composefile.diff(self.before, self.after, self.path)


def edits_for(
    files: Sequence[ComposeSource], images: Sequence[tuple[str, str]]
) -> tuple[Edit, ...]:
    """The edits that make each (service, image) of `images` the one that Compose will run.

    Raises RefusedError when a file can't be made sense of. A file that already says so is not
    part of the answer.
    """
    listed = [(source.path, source.data) for source in files]
    after = {source.path: source.data for source in files}
    literals: dict[str, str] = {}
    new: dict[str, str] = {}
    for service, image in images:
        try:
            source = files[composefile.file_to_edit(listed, service)]
            scalar = composefile.image_of(source.data, service)
            if scalar is not None and source.path not in literals:
                literals[source.path] = scalar.value or ""
            new.setdefault(source.path, image)
            after[source.path] = composefile.set_image(after[source.path], service, image)
        except composefile.UnreadableCompose as error:
            raise RefusedError(
                "The Compose file can't be edited safely: "
                + "; ".join(
                    f"{source.path}:{fault.line}:{fault.column}: {fault.message}"
                    for fault in error.faults
                ),
                next_step=f"deployctl compose diagnose {source.path} (on a copy of the file), "
                "mend it, and run the command again.",
            ) from error
    return tuple(
        Edit(
            path=source.real_path,
            named=source.path,
            before=source.data,
            after=after[source.path],
            old_literal=literals.get(source.path, ""),
            image=new[source.path],
        )
        for source in files
        if after[source.path] != source.data
    )
