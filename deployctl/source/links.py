"""Where the symbolic links of a tree lead: pure."""

from collections.abc import Mapping

# Linux follows this many links in one path before it gives up.
LIMIT = 40


def leaves_tree(path: bytes, links: Mapping[bytes, bytes]) -> bool:
    """Whether following the link at `path` ever leads above the tree's root.

    `links` maps each link's path to its target, all relative to the root. Links on the way are
    followed as the kernel would: `a/../x` is not `x` when `a` is a link. A link to nothing or to
    itself stays inside.
    """
    place = path.split(b"/")[:-1]
    ahead = links[path].split(b"/")[::-1]
    if links[path].startswith(b"/"):
        return True
    followed = 1
    while ahead:
        step = ahead.pop()
        if step in (b"", b"."):
            continue
        if step == b"..":
            if not place:
                return True
            place.pop()
            continue
        place.append(step)
        target = links.get(b"/".join(place))
        if target is None:
            continue
        followed += 1
        if target.startswith(b"/"):
            return True
        if followed > LIMIT:
            return False
        place.pop()
        ahead += target.split(b"/")[::-1]
    return False
