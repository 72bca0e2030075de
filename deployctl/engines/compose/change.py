"""Which bytes of which Compose file change for a new image. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from deployctl import composefile
from deployctl.engines.compose.survey import ComposeSource
from deployctl.errors import RefusedError


@dataclass(frozen=True)
class Edit:
    """One Compose file with another image in it.

    `old_literal` is the image as it stood, or empty where the file had none for the services;
    `image` is the one that replaces it.
    `path` has its symlinks resolved; `named` is the path as Compose was given it. `found` is what
    lies there, where `before` is the reconstruction of a broken file.
    """

    path: str
    named: str
    before: bytes
    after: bytes
    old_literal: str
    image: str
    found: bytes | None = None

    @property
    def before_sha256(self) -> str:
        return hashlib.sha256(self.before).hexdigest()

    @property
    def after_sha256(self) -> str:
        return hashlib.sha256(self.after).hexdigest()

    @property
    def found_sha256(self) -> str:
        """Of the bytes on the host."""
        return hashlib.sha256(self.before if self.found is None else self.found).hexdigest()

    @property
    def diff(self) -> str:
        return composefile.diff(self.before, self.after, self.path)


def edits_for(files: Sequence[ComposeSource], images: Mapping[str, str]) -> tuple[Edit, ...]:
    """The edits that make Compose run the image that `images` names for each service.

    Raises RefusedError when a file can't be made sense of. A file that already says so is not
    part of the answer.
    """
    listed = [(source.path, source.data) for source in files]
    wanted: dict[int, dict[str, str]] = {}
    for service, image in images.items():
        try:
            index = composefile.file_to_edit(listed, service)
        except composefile.UnreadableCompose as error:
            raise _refused(error, "") from error
        wanted.setdefault(index, {})[service] = image
    for index, in_file in wanted.items():
        _require_alone(files, index, in_file, images)
    edits = [_edit(files[index], in_file) for index, in_file in sorted(wanted.items())]
    edits += [
        _kept(source, next(iter(images.values())))
        for index, source in enumerate(files)
        if source.broken is not None and index not in wanted
    ]
    return tuple(
        edit for edit in edits if edit.after != (edit.before if edit.found is None else edit.found)
    )


def _require_alone(
    files: Sequence[ComposeSource],
    edited: int,
    in_file: Mapping[str, str],
    images: Mapping[str, str],
) -> None:
    """Raises RefusedError where a service that isn't rolled out would get the new image too."""
    listed = [composefile.Listed((file.path, file.real_path), file.data) for file in files]
    for borrower in composefile.borrowers(listed, edited, in_file):
        if borrower.service not in images:
            raise RefusedError(
                f"The service {borrower.service} in {files[borrower.index].path} takes its image "
                f"from {borrower.lender} in {files[edited].path} (extends), and would get the new "
                "one too.",
                next_step=f"Name {borrower.service} in `services:` as well, or give it an `image:` "
                "of its own.",
            )


def _edit(source: ComposeSource, images: Mapping[str, str]) -> Edit:
    first, image = next(iter(images.items()))
    try:
        literal = composefile.image_of(source.data, first)
        after = composefile.set_images(source.data, images)
    except composefile.UnreadableCompose as error:
        raise _refused(error, f"{source.path}: ") from error
    return Edit(
        path=source.real_path,
        named=source.path,
        before=source.data,
        after=after,
        old_literal=literal or "",
        image=image,
        found=source.broken,
    )


def _kept(source: ComposeSource, image: str) -> Edit:
    """A reconstructed file that names no image of ours."""
    return Edit(
        path=source.real_path,
        named=source.path,
        before=source.data,
        after=source.data,
        old_literal="",
        image=image,
        found=source.broken,
    )


def _refused(error: composefile.UnreadableCompose, place: str) -> RefusedError:
    told = "; ".join(f"{place}{fault}" for fault in error.faults)
    return RefusedError(
        f"The Compose file can't be edited safely: {told}",
        next_step="deployctl compose diagnose names the faults; mend the file on the host, and run "
        "the command again.",
    )
