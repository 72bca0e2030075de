"""What a `.gitattributes` asks for and shipping does not do: pure."""

ASKED = ("export-ignore", "export-subst", "ident", "eol=crlf")


def unhonoured(path: bytes, content: bytes) -> tuple[str, ...]:
    """Notes on the attributes in one file that `git archive` or a checkout would act on.

    The tree is shipped as it is stored. So paths with `export-ignore` are included, `export-subst`
    is not expanded, and a filter other than Git LFS, another line end or another encoding leaves
    its stored form.
    """
    patterns: dict[str, list[str]] = {}
    for line in content.decode(errors="replace").splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        for word in words[1:]:
            name, _, value = word.partition("=")
            if (
                word in ASKED
                or (name == "filter" and value not in ("", "lfs"))
                or (name == "working-tree-encoding" and value)
            ):
                patterns.setdefault(word, []).append(words[0])
    shown = path.decode(errors="backslashreplace")
    return tuple(
        f"{shown} says `{word}` of {', '.join(found)}, which is {_consequence(word)}"
        for word, found in patterns.items()
    )


def _consequence(word: str) -> str:
    if word == "export-ignore":
        return "shipped all the same; leave it out of the image by .dockerignore."
    if word in ("export-subst", "ident"):
        return "shipped without the substitution."
    if word.startswith("filter="):
        return "shipped as it is stored, without that filter."
    return "shipped as it is stored."
