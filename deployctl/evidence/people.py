"""Names of people stay out of what is sealed: a pseudonym of that run stands in their place.

Which name it is says people.json alone, with the key that they were made with: once that file is
erased nobody can tell, not even by trying a list of names. Pure.
"""

import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from deployctl.evidence.clean_events import OURS
from deployctl.evidence.forms import forms

NAME: Final = "people.json"
KEY_BYTES: Final = 16
PSEUDONYM: Final = re.compile(r"\bperson-[0-9a-f]{12}\b")

_SEVERAL: Final = frozenset({"by", "approvedBy"})
"""may hold several names, with commas between"""
_PEOPLE: Final = _SEVERAL | {"operator", "principal", "actor", "triggeringActor"}
"""what they hold is somebody's name"""
_CLIENT: Final = frozenset({"host", "user"})
"""the same, of `client`"""
_ELSEWHERE: Final = frozenset({"plan", "tool", "signer", "artefacts", "erasable"})
"""Parts of a document with nobody in them. The plan's digest is what people have approved: not a
letter of it may change."""
_IDENTITIES: Final = OURS | {"keyid", "fingerprint", "namespace", "mediaType"}
_NOBODY: Final = frozenset({"", "?", "unknown", "localhost"})

# How refusals and notes call people whom this run knows nothing of: who holds the lock
# (engines/compose/job.py), and whose signatures did not do (rollout/approved_plan.py).
_HOLDER: Final = re.compile(r"\bby (.{1,200}?) since (?:\d{4}-|\?)")
_CLAIMS: Final = re.compile(r"which says it is (.{1,500}?)'s, is not ")
_SIGNED: Final = re.compile(r"(?:it was signed by |\), )(.{1,500}?) \(SHA256:")


class People:
    """The people of one run. Whoever is met under a name's key is known from then on.

    `key`: random bytes of that run. `names` may turn up in any text. `home` is this machine's home
    directory, which becomes `~`.
    """

    def __init__(self, key: bytes, names: Iterable[str] = (), home: str = "") -> None:
        self._key = key
        self._known: dict[str, str] = {}
        """every form of a name -> the name"""
        self._pattern: re.Pattern[str] | None = None
        self._shown: dict[str, str] = {}
        """pseudonym -> name, of those that were put in a name's place"""
        self._home = re.compile(rf"(?<![\w./~-]){re.escape(home)}(?![\w.-])") if home else None
        self._learn(names)

    def document(self) -> dict[str, Any]:
        """`{"key": hex, "people": {pseudonym: name}}`: what people.json holds, and no more than it
        needs to."""
        return {"key": self._key.hex(), "people": dict(sorted(self._shown.items()))}

    def meet(self, name: str) -> None:
        """Somebody whom the host tells of in words of its own."""
        self._learn([name])

    @property
    def count(self) -> int:
        """How many names were replaced."""
        return len(self._shown)

    def hidden(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """An event, or what a seal says, without anybody's name. Its words are ours, so a name
        that is like one of them alters none."""
        if document.get("type") != "logLine":  # what others print tells of nobody
            self._learn(_named(document, _PEOPLE))
        return {
            key: item if key in _ELSEWHERE else self._member(key, item, _PEOPLE)
            for key, item in document.items()
        }

    def hidden_in(self, value: Any) -> Any:
        """Any JSON whose keys are not ours, such as the settings: known names go, and the home."""
        return self._value(value, frozenset())

    def _value(self, value: Any, people: frozenset[str]) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {key: self._member(key, item, people) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(item, people) for item in value]
        return value

    def _member(self, key: str, item: Any, people: frozenset[str]) -> Any:
        if isinstance(item, str):
            if key in people:
                return self._names(item, key)
            if key in ("user", "host"):
                return self._account(item, key)
            return item if key in _IDENTITIES else self._text(item)
        return self._value(item, people | _CLIENT if people and key == "client" else people)

    def _names(self, text: str, key: str) -> str:
        several = key in _SEVERAL and text not in self._known
        names = text.split(", ") if several else [text]
        return ", ".join(name if name in _NOBODY else self._pseudonym(name) for name in names)

    def _account(self, text: str, key: str) -> str:
        """Of an account on a host (`user`, or a `host` such as `user@host:port`): its name, where
        somebody is called so. The host itself is nobody, whatever it is called."""
        user, at, place = (text, "", "") if key == "user" else text.rpartition("@")
        known = self._known.get(user)
        return f"{self._pseudonym(known) if known else user}{at}{place}"

    def _text(self, text: str) -> str:
        # A word by itself is one of ours (a state, a service, a digest), whoever is called alike.
        if not re.search(r"[\s/@]", text):
            return text
        if self._home is not None:
            text = self._home.sub("~", text)
        if self._pattern is None:
            return text
        return self._pattern.sub(lambda found: self._pseudonym(self._known[found[0]]), text)

    def _learn(self, names: Iterable[str]) -> None:
        new = {name for name in names if name not in self._known} - _NOBODY
        if not new:
            return
        for name in new:
            for form in forms(name, in_base64=False):
                self._known.setdefault(form, name)
            self._known[name] = name
        # The longest first: a name may stand inside another one.
        ordered = sorted(self._known, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(_whole, ordered)))

    def _pseudonym(self, name: str) -> str:
        made = hmac.digest(self._key, name.encode(errors="replace"), "sha256").hex()[:12]
        self._shown[f"person-{made}"] = name
        return f"person-{made}"


def put_back(value: Any, names: Mapping[str, str]) -> Any:
    """The JSON value with the names that are known; the other pseudonyms stay."""
    if isinstance(value, str):
        return PSEUDONYM.sub(lambda found: names.get(found[0], found[0]), value)
    if isinstance(value, Mapping):
        return {key: put_back(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [put_back(item, names) for item in value]
    return value


def same_host(sealed: str, label: str) -> bool:
    """Whether a seal's `user@host:port` is this one: its user may be a pseudonym."""
    user, at, place = sealed.rpartition("@")
    return sealed == label or bool(
        at and PSEUDONYM.fullmatch(user) and place == label.rpartition("@")[2]
    )


def _named(value: Any, people: frozenset[str]) -> Iterator[str]:
    """All names under the keys of people, and those that sentences of ours tell."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in people and isinstance(item, str):
                yield from item.split(", ") if key in _SEVERAL else (item,)
            elif key not in _ELSEWHERE:
                yield from _named(item, people | _CLIENT if key == "client" else people)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _named(item, people)
    elif isinstance(value, str):
        yield from _told_of(value)


def _told_of(text: str) -> Iterator[str]:
    yield from _HOLDER.findall(text)
    yield from _CLAIMS.findall(text)
    if "it was signed by " in text:
        yield from _SIGNED.findall(text)


def _whole(form: str) -> str:
    """Where it is a word, or several, of its own; a sign, only where it stands alone."""
    if not re.search(r"[^\W_]", form):
        return rf"(?<!\S){re.escape(form)}(?!\S)"
    before = r"(?<![^\W_])" if form[0].isalnum() else ""
    after = r"(?![^\W_])" if form[-1].isalnum() else ""
    return f"{before}{re.escape(form)}{after}"
