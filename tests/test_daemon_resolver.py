"""Look-ups that hang take nobody's threads but their own."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
import trio

from trio_supervisor.daemon.resolver import AT_ONCE, Resolver

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def silence(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let nobody answer for any name, until the end."""
    is_over = threading.Event()
    look_up = socket.getaddrinfo

    def hang(*given: Any) -> Any:
        if threading.current_thread() is not threading.main_thread():  # there only for numbers
            is_over.wait()
        return look_up("127.0.0.1", *given[1:])

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    yield
    is_over.set()


@pytest.mark.usefixtures("silence")
async def test_names_that_nobody_answers_for_leave_threads_for_the_rest() -> None:
    trio.socket.set_custom_hostname_resolver(Resolver())
    everybody = trio.to_thread.current_default_thread_limiter()

    with trio.move_on_after(0.2):
        async with trio.open_nursery() as nursery:
            for _ in range(AT_ONCE + int(everybody.total_tokens)):
                nursery.start_soon(trio.socket.getaddrinfo, "slow.test", 80)

    assert everybody.borrowed_tokens == 0
    with trio.fail_after(5):
        assert await trio.to_thread.run_sync(lambda: "done") == "done"
        assert await trio.socket.getaddrinfo("127.0.0.1", 80)


async def test_names_are_looked_up() -> None:
    trio.socket.set_custom_hostname_resolver(Resolver())

    with trio.fail_after(5):
        found = await trio.socket.getaddrinfo("localhost", 80, type=socket.SOCK_STREAM)
        assert ("127.0.0.1", 80) in [place for *_, place in found]
        assert await trio.socket.getnameinfo(("127.0.0.1", 80), socket.NI_NUMERICHOST)
