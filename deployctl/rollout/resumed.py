"""Doing again what a lost link cut off, as long as nothing on the host has been changed."""

import time
from collections.abc import Callable
from typing import TypeVar

from deployctl.errors import UnreachableError
from deployctl.host.link import Link
from deployctl.rollout.holding import renew
from deployctl.rollout.loss import is_loss
from deployctl.rollout.session import Session

RESTORE_SECONDS = 60.0
"""for a link that is lost after the switch, where no more than a look is wanted"""
T = TypeVar("T")


def reached(session: Session) -> Link:
    """The run's connection. People are told when it is lost, and which stage waits for it."""
    link = session.reaching.result()
    link.tell = lambda told: session.note("warning", f"{session.recorder.current}: {told}")
    session.link = link
    return link


def hush(session: Session) -> None:
    """Nothing more is told of the link: the run's last event is its result."""
    if session.link is not None:
        session.link.tell = lambda _: None


def once_more(session: Session, look: Callable[[], T]) -> T:
    """What `look` returns; it is called a second time when the link was lost in it.

    For what only looks: it may be done whatever the run has changed.
    """
    try:
        return look()
    except (UnreachableError, TimeoutError):
        session.hostlink.restore(RESTORE_SECONDS)
        return look()


def resumed(session: Session, call: Callable[[], T]) -> T:
    """What `call` returns; it is called again when the link, or the host's job, was lost in it.

    Once armed, and when the run's patience is over, the loss is raised.
    """
    lost = False
    while True:
        try:
            if lost:
                renew(session)
            return call()
        except (UnreachableError, TimeoutError) as error:
            if session.armed or not is_loss(error, lambda: session.hostlink.host.alive()):  # noqa: PLW0108 - the link may be a new one
                raise
            if session.patience.over:
                raise
            lost = True
        _regain(session)


def _regain(session: Session) -> None:
    """Raises LinkLostError when the link can't be had again."""
    patience, began = session.patience, time.monotonic()
    patience.losses += 1
    try:
        session.hostlink.restore(patience.left)
    finally:
        patience.waited += time.monotonic() - began
