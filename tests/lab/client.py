"""A person, or a CI job, with the real command line and nothing but it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import yaml

import deployctl
from deployctl.lab import state
from deployctl.lab.state import HostRecord, LabRecord

SCHEMA = json.loads((Path(deployctl.__file__).parent / "result.schema.json").read_text())
_LONGEST = 300


@dataclass(frozen=True)
class Ended:
    """How a command ended, and all that it said."""

    code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """What `--output json` printed; checked against the schema that ships."""
        document: dict[str, Any] = json.loads(self.stdout)
        if document["command"] in {"hotfix", "rollback", "plan"}:
            check(document)
            assert document["exitCode"] == self.code
        return document

    @property
    def reason(self) -> str:
        return str(self.document["reason"])

    @property
    def explained(self) -> str:
        """For the message of a failed assertion."""
        return f"exit code {self.code}\n{self.stdout[-3000:]}\n{self.stderr[-3000:]}"

    def gate(self, name: str, when: str = "after") -> dict[str, Any]:
        found = [g for g in self.document["gates"] if (g["name"], g["when"]) == (name, when)]
        assert found, f"no gate {name} {when}: {self.explained}"
        last: dict[str, Any] = found[-1]
        return last

    def stage(self, name: str) -> str:
        """A stage's state; empty if the run did not come to it."""
        states = [stage["state"] for stage in self.document["stages"] if stage["name"] == name]
        return str(states[-1]) if states else ""


def check(document: Mapping[str, Any]) -> None:
    """The document is one that the shipped schema describes."""
    jsonschema.validate(document, SCHEMA)


@dataclass
class Running:
    """A command that still runs; its events are read as they come."""

    process: "subprocess.Popen[str]"
    lines: list[str] = field(default_factory=list)

    def events(self) -> Iterator[dict[str, Any]]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            yield json.loads(line)

    def until(self, kind: str, **values: object) -> dict[str, Any]:
        """Reads up to the first event of that kind with those values."""
        for event in self.events():
            if event["type"] == kind and all(event.get(k) == v for k, v in values.items()):
                return event
        raise AssertionError(f"it ended before {kind} {values}: {''.join(self.lines[-20:])}")

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> Ended:
        """Waits; the document is that of the last line."""
        for _ in self.events():
            pass
        assert self.process.stderr is not None
        stderr = self.process.stderr.read()
        code = self.process.wait(timeout=_LONGEST)
        last = json.loads(self.lines[-1]) if self.lines else {}
        if last.pop("type", "") == "result":
            check(last)
        return Ended(code, json.dumps(last), stderr)


class Client:
    """`folder` is its home: settings, state and working directory lie there and nowhere else."""

    def __init__(
        self,
        lab: LabRecord,
        host: HostRecord,
        folder: Path,
        changes: Mapping[str, object] | None = None,
    ) -> None:
        self.folder = folder
        self.repository = lab.repository
        self.target = host.target
        self.key_file = lab.key_file
        self.known_hosts = lab.known_hosts
        self.config = folder / "deployctl.yml"
        self.environment: dict[str, str] = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "LANG": "C.UTF-8",
            "TERM": "dumb",
            **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ},
        }
        settings = state.settings(lab, host)
        for name, value in (changes or {}).items():
            _put(settings, name, value, host.target)
        self.config.write_text(yaml.safe_dump(settings, sort_keys=False))

    def set(self, name: str, value: object) -> None:
        """Changes the settings, as the mapping does that a client is made with."""
        settings = yaml.safe_load(self.config.read_text())
        _put(settings, name, value, self.target)
        self.config.write_text(yaml.safe_dump(settings, sort_keys=False))

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "deployctl", *words, "--config", str(self.config)]

    def run(
        self, *words: str, env: Mapping[str, str] | None = None, timeout: float = _LONGEST
    ) -> Ended:
        """Runs a command to its end, with nothing on its standard input."""
        return self._run(self.argv(*words), env, timeout)

    def run_plain(self, *words: str) -> Ended:
        """The same, for a command that needs no settings."""
        return self._run([sys.executable, "-m", "deployctl", *words], None, 60)

    def _run(self, argv: list[str], env: Mapping[str, str] | None, timeout: float) -> Ended:
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        streams = (done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))
        # A container's or a build's own traceback may be shown, after its name and a bar.
        assert not re.search("^Traceback", "\n".join(streams), re.MULTILINE), streams
        return Ended(done.returncode, *streams)

    def hotfix(self, revision: str, *words: str, **kwargs: Any) -> Ended:
        return self.run("hotfix", "--sha", revision, "--yes", "--output", "json", *words, **kwargs)

    def rollback(self, *words: str, **kwargs: Any) -> Ended:
        return self.run("rollback", "--yes", "--output", "json", *words, **kwargs)

    def status(self) -> dict[str, Any]:
        done = self.run("status", "--output", "json")
        assert done.code == 0, done.explained
        return done.document

    def history(self) -> dict[str, Any]:
        done = self.run("history", "--output", "json")
        assert done.code == 0, done.explained
        return done.document

    def start(self, *words: str) -> Running:
        """Starts a command that tells its events as they come."""
        return Running(
            subprocess.Popen(
                self.argv(*words, "--output", "ndjson"),
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )

    def start_hotfix(self, revision: str, *words: str) -> Running:
        return self.start("hotfix", "--sha", revision, "--yes", *words)

    def playbook(self, steps: Mapping[str, list[dict[str, Any]]]) -> Path:
        """The built-in hotfix with steps of one's own after the stages that they are named for."""
        stages: list[Any] = []
        for stage in (
            "preflight", "capture", "approve", "ship", "build", "backup", "arm", "swap", "gate",
            "confirm", "seal",
        ):  # fmt: skip
            stages += [stage, *steps.get(stage, [])]
        path = self.folder / "playbook.yml"
        text = {"version": 1, "name": "own", "kind": "hotfix", "stages": stages}
        path.write_text(yaml.safe_dump(text, sort_keys=False))
        return path

    def commit(self, files: Mapping[str, str], base: str = "stage/f9.8-observability") -> str:
        """A commit of the client's own on top of `base`, in a clone that becomes its repository."""
        clone = self.clone()
        git(clone, "checkout", "--quiet", "-B", "own", base)
        for name, text in files.items():
            (clone / name).write_text(text)
        git(clone, "add", "--all")
        git(clone, "commit", "--quiet", "--message", "A commit of a test")
        return git(clone, "rev-parse", "HEAD").strip()

    def clone(self) -> Path:
        """Makes the settings name a clone of the lab's repository; returns it."""
        clone = self.folder / "repository"
        if not clone.exists():
            git(self.folder, "clone", "--quiet", str(self.repository), str(clone))
            self.set("repository", str(clone))
            for branch in git(clone, "branch", "--remotes", "--format=%(refname:short)").split():
                name = branch.removeprefix("origin/")
                if name not in {"HEAD", "origin"}:
                    git(clone, "branch", "--force", "--quiet", name, branch, fails=True)
            self.repository = clone
        return clone

    def file_at(self, name: str, revision: str = "stage/f9.8-observability") -> str:
        return git(self.repository, "show", f"{revision}:{name}")

    def written(self) -> Iterator[tuple[Path, bytes]]:
        """Every file that its commands wrote."""
        for path in sorted((self.folder / "state").rglob("*")):
            if path.is_file():
                yield path, path.read_bytes()


def git(folder: Path, *words: str, fails: bool = False) -> str:
    """Runs git with a person's name and no other settings. `fails`: it may."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    person = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", "Tester"), ("EMAIL", "tester@example.org"))
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env={**clean, **person, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert fails or done.returncode == 0, done.stderr
    return done.stdout


def eventually(what: str, true: Any, seconds: float = 30.0) -> None:
    """Waits until `true()` is."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.2)


def eventually_nothing(what: str, left: Callable[[], str], seconds: float = 30.0) -> None:
    """Waits until `left()` is empty; tells what it is when it stays."""
    deadline = time.monotonic() + seconds
    while seen := left():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}\n{seen}"
        time.sleep(0.2)


def _put(settings: dict[str, Any], name: str, value: object, target: str) -> None:
    """`host_user` sets the target's own `user`; anything else is a section of the file.

    Mappings are merged; None removes.
    """
    if name.startswith("host_"):
        section = settings["targets"][target]
        name = name.removeprefix("host_")
    else:
        section = settings
    if value is None:
        section.pop(name, None)
    elif isinstance(value, Mapping) and isinstance(section.get(name), dict):
        merged = {**section[name], **value}
        section[name] = {key: each for key, each in merged.items() if each is not None}
    else:
        section[name] = value
