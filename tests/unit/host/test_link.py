"""A connection that is lost and had again: who waits, for how long, and what people are told."""

import re
import threading
import time
from collections.abc import Iterator

import pytest

from deployctl.errors import LinkLostError
from deployctl.host import waiting
from deployctl.host.link import Link

from .conftest import Sshd, StartSshd


@pytest.fixture
def sshd(start_sshd: StartSshd) -> Sshd:
    return start_sshd()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def link(sshd: Sshd, told: list[str]) -> Iterator[Link]:
    link = Link(sshd.address)
    link.tell = told.append
    yield link
    link.close()


def lose(link: Link, sshd: Sshd) -> None:
    sshd.kill_sessions()
    until = time.monotonic() + 10
    while not link.host.lost:
        assert time.monotonic() < until
        time.sleep(0.02)


def test_one_that_works_stays(link: Link, told: list[str]) -> None:
    host = link.host
    link.require()
    link.restore(5)
    assert link.host is host
    assert told == []


def test_one_that_is_lost_is_replaced_and_both_are_told(
    link: Link, sshd: Sshd, told: list[str]
) -> None:
    lost = link.host
    lose(link, sshd)
    with pytest.raises(LinkLostError):
        link.require()
    link.restore(10)
    link.require()
    assert link.host is not lost
    assert link.host.alive()
    [first, second] = told
    assert "was lost" in first
    assert "until" in first
    assert "is back" in second


def test_it_is_tried_again_until_the_time_is_over(link: Link, sshd: Sshd, told: list[str]) -> None:
    lose(link, sshd)
    sshd.process.kill()
    sshd.process.wait()
    with pytest.raises(LinkLostError, match=r"within 1 s: .* refused the connection"):
        link.restore(1)
    assert len(told) == 1


def test_a_loss_has_one_deadline_which_is_told_once_and_kept(
    link: Link, sshd: Sshd, told: list[str]
) -> None:
    lose(link, sshd)
    sshd.process.kill()
    sshd.process.wait()
    with pytest.raises(LinkLostError, match="within 1 s"):
        link.restore(1)
    began = time.monotonic()
    with pytest.raises(LinkLostError, match="within 1 s"):
        link.restore(20)
    assert time.monotonic() - began < 15
    assert len(told) == 1


def test_a_host_that_goes_on_by_itself_is_sought_for_as_long_whoever_asks(
    link: Link, sshd: Sshd
) -> None:
    link.needed_until = time.monotonic() + 2
    lose(link, sshd)
    sshd.process.kill()
    sshd.process.wait()
    with pytest.raises(LinkLostError, match="within 2 s"):
        link.restore(0)


def test_a_long_wait_says_now_and_then_until_when(
    link: Link, sshd: Sshd, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "PACE", 0.3)
    lose(link, sshd)
    sshd.process.kill()
    sshd.process.wait()
    with pytest.raises(LinkLostError):
        link.restore(2)
    lost, still, *_ = told
    until = re.findall(r"until (\S+ UTC)", lost + still)
    assert re.search(r"Still no connection to \S+: .* UTC, [12] s more", still)
    assert len(until) == 2


def test_whoever_comes_second_waits_no_longer_than_it_may(
    link: Link, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(link, sshd)
    at_it, enough = threading.Event(), threading.Event()

    def reconnect() -> None:
        at_it.set()
        enough.wait(10)
        raise LinkLostError("Not yet.")

    monkeypatch.setattr(link.host, "reconnect", reconnect)
    failures: list[LinkLostError] = []

    def restore() -> None:
        try:
            link.restore(0)
        except LinkLostError as error:
            failures.append(error)

    first = threading.Thread(target=restore)
    first.start()
    at_it.wait(10)
    with pytest.raises(LinkLostError, match=r"within 0 s"):
        link.restore(0.1)
    enough.set()
    first.join(10)
    assert len(failures) == 1
