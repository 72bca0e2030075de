"""Who gets a session where a server allows few on each connection."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from deployctl.errors import UnreachableError
from deployctl.host import spares
from deployctl.host.opening import Opened
from deployctl.host.spares import NoRoomError, Spares
from deployctl.host.transport import NoSessionError


@dataclass
class Connection:
    """Stands for one whose server allows `room` sessions at a time."""

    room: int = 1
    closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def transport(self) -> "Connection":
        return self

    def is_active(self) -> bool:
        return not self.closed

    def close(self) -> None:
        self.closed = True

    def begin(self) -> None:
        with self.lock:
            if not self.room:
                raise NoSessionError
            self.room -= 1

    def end(self) -> None:
        with self.lock:
            self.room += 1


@dataclass
class Server:
    room: int = 1
    made: list[Connection] = field(default_factory=list)
    connecting: int = 0
    most_at_once: int = 0

    def connect(self) -> Opened:
        self.connecting += 1
        self.most_at_once = max(self.most_at_once, self.connecting)
        time.sleep(0.01)
        self.connecting -= 1
        self.made.append(Connection(self.room))
        return cast("Opened", self.made[-1])

    def spares(self) -> Spares:
        return Spares(cast("Any", Connection(self.room)), self.connect)


def begin(connection: Any) -> Connection:
    connection.begin()
    return cast("Connection", connection)


def all_at_once(count: int, act: Callable[[], Any]) -> list[Any]:
    """What each of so many threads got, or what it raised."""

    def one(_: int) -> Any:
        ready.wait()
        try:
            return act()
        except Exception as error:  # noqa: BLE001 - that is what is asked
            return error

    ready = threading.Barrier(count)
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_as_many_connections_as_are_needed_one_after_the_other() -> None:
    server = Server()
    own = server.spares()
    got = all_at_once(spares.MOST + 1, lambda: own.use(begin, 10))
    assert len({id(connection) for connection in got}) == spares.MOST + 1
    assert all(isinstance(connection, Connection) for connection in got)
    assert len(server.made) == spares.MOST
    assert server.most_at_once == 1, "sshd refuses many that log in at once (MaxStartups)"


def test_never_more_of_them_and_who_comes_late_waits_for_room() -> None:
    server = Server()
    own = server.spares()

    def use() -> None:
        connection = own.use(begin, 10)
        time.sleep(0.05)
        connection.end()

    assert all_at_once(3 * spares.MOST, use) == [None] * (3 * spares.MOST)
    assert len(server.made) <= spares.MOST


def test_a_wait_for_room_has_an_end() -> None:
    own = Server().spares()
    for _ in range(spares.MOST + 1):
        own.use(begin, 10)
    assert {type(got) for got in all_at_once(3, lambda: own.use(begin, 0.2))} == {NoRoomError}


def test_a_server_that_allows_none_is_no_server_without_room() -> None:
    server = Server(room=0)
    with pytest.raises(NoSessionError) as caught:
        server.spares().use(begin, 10)
    assert not isinstance(caught.value, NoRoomError)
    assert [connection.closed for connection in server.made] == [True]


def test_a_connection_that_has_died_is_not_asked_and_makes_room_for_another() -> None:
    server = Server()
    own = server.spares()
    for _ in range(spares.MOST + 1):
        own.use(begin, 10)
    server.made[0].close()
    assert own.use(begin, 10) is server.made[-1]
    assert len(server.made) == spares.MOST + 1


def test_what_is_connected_meanwhile_is_closed_with_the_rest() -> None:
    server = Server()

    def connect() -> Opened:
        own.close()
        return server.connect()

    own = Spares(cast("Any", Connection(0)), connect)
    assert own.use(begin, 10).closed


def test_a_connection_that_cannot_be_had_is_told() -> None:
    def connect() -> Opened:
        raise UnreachableError("no way")

    with pytest.raises(UnreachableError, match="no way"):
        Spares(cast("Any", Connection(0)), connect).use(begin, 10)
