"""Pools of event listeners: who is told what, in virtual time; the processes are fake."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import trio
from daemon_fakes import Daemon, group_of, open_daemon, outcome, spec_of

from trio_supervisor.daemon import updates
from trio_supervisor.protocol.messages import EventKind
from trio_supervisor.spec import GroupSpec, ListenerSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trio.testing import MockClock

HEADER = re.compile(r"ver:3.0 server:supervisor serial:(\d+) pool:ears poolserial:(\d+) ")


def pool_of(*names: str, **options: Any) -> GroupSpec:
    """Make a pool ``ears``, which is told of what is remote unless options say otherwise."""
    given: dict[str, Any] = {"events": ("REMOTE_COMMUNICATION",), "startsecs": 0, **options}
    given |= {"command": "/bin/ear", "stdout_logfile": "NONE", "stderr_logfile": "NONE"}
    specs = tuple(ListenerSpec(process_name=name, **given) for name in names)
    return GroupSpec(name="ears", priority=-1, programs=specs)


class Ears(Daemon):
    """A daemon whose listeners say what a test tells them to say."""

    def say(self, text: str, name: str = "ear") -> None:
        """Let a listener write to its stdout."""
        for hearer in self.program(f"ears:{name}").hearers:
            hearer.write(text.encode())

    def serve(self, answered: int = 0) -> None:
        """Let the listener answer all that it is told, from the first event not yet answered."""
        while answered < len(self.spawner.written):
            answered += 1
            self.say("RESULT 2\nOKREADY\n")

    def send(self, *texts: str) -> None:
        """Let remote events happen."""
        for text in texts:
            self.events.publish(EventKind.REMOTE, detail="test", data=text.encode())

    def told(self, name: str = "ear") -> Iterator[str]:
        """Yield what a listener was told, without header lines and type."""
        pid = self.program(f"ears:{name}").condition.last_pid
        for to, data in self.spawner.written:
            if to == pid:
                header, _, text = data.decode().partition("\n")
                assert header.endswith(f"eventname:REMOTE_COMMUNICATION len:{len(text.encode())}")
                yield text.removeprefix("type:test\n")

    def state(self, name: str = "ear") -> str:
        """Return the states of a listener so far."""
        return self.states(name)


async def test_who_is_ready_is_told_one_event_at_a_time(autojump_clock: MockClock) -> None:
    async with open_daemon(Ears(pool_of("ear"))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        daemon.send("one", "twö")
        assert list(daemon.told()) == []

        daemon.say("READY\n")
        assert list(daemon.told()) == ["one"]
        daemon.say("RESULT 2\nOK")
        assert list(daemon.told()) == ["one"]
        daemon.say("READY\n")
        assert list(daemon.told()) == ["one", "twö"]


async def test_serials_tell_events_apart_and_count_in_the_pool(autojump_clock: MockClock) -> None:
    async with open_daemon(Ears(pool_of("ear"))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        daemon.send("one", "two")

        daemon.say("READY\n")
        daemon.say("RESULT 2\nOKREADY\n")

        found = [HEADER.match(data.decode()) for _, data in daemon.spawner.written]
        (one, first), (two, second) = [match.groups() for match in found if match]
        assert (first, second) == ("0", "1")
        assert int(two) == int(one) + 1


async def test_what_is_refused_comes_again_with_the_same_serial(autojump_clock: MockClock) -> None:
    async with open_daemon(Ears(pool_of("ear"))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        daemon.send("one", "two")

        daemon.say("READY\n")
        daemon.say("RESULT 4\nFAILREADY\n")
        assert list(daemon.told()) == ["one"]
        await trio.sleep(0.2)

        assert list(daemon.told()) == ["one", "one"]
        (_, first), (_, second) = daemon.spawner.written
        assert first == second


async def test_what_one_refuses_goes_to_another_at_once(autojump_clock: MockClock) -> None:
    async with open_daemon(Ears(pool_of("a", "b"))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        for name in ("a", "b"):
            daemon.say("READY\n", name)
        daemon.send("one")

        daemon.say("RESULT 4\nFAILREADY\n", "a")

        assert list(daemon.told("b")) == ["one"]


async def test_who_refuses_for_ever_fills_no_log(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_daemon(Ears(pool_of("ear"))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        daemon.send("one", "two")
        daemon.say("READY\n")

        for _ in range(10):
            daemon.say("RESULT 4\nFAILREADY\n")
            await trio.sleep(0.2)
        daemon.say("RESULT 2\nOKREADY\n")
        daemon.say("RESULT 4\nFAILREADY\n")

        assert caplog.text.count("it comes again") == 2


async def test_what_listeners_write_is_not_told_to_themselves(autojump_clock: MockClock) -> None:
    async with open_daemon(Ears(pool_of("ear", events=("PROCESS_LOG",)))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        daemon.say("READY\n")

        said: dict[str, Any] = {"group": "ears", "detail": "stderr", "data": b"hello\n"}
        daemon.events.publish(EventKind.OUTPUT, **said)
        assert daemon.spawner.written == []
        daemon.events.publish(EventKind.OUTPUT, **{**said, "group": "web"})
        assert len(daemon.spawner.written) == 1


@pytest.mark.parametrize("pieces", [["READY\n"], ["REA", "DY\n"], list("READY\n")])
async def test_what_is_said_may_come_in_pieces(
    autojump_clock: MockClock, pieces: list[str]
) -> None:
    async with open_daemon(Ears(pool_of("ear"))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        daemon.send("one", "two")

        for piece in [*pieces, *"RESULT 2\n", "O", "K", *pieces]:
            daemon.say(piece)

        assert list(daemon.told()) == ["one", "two"]


async def test_each_event_goes_to_one_of_a_pool(autojump_clock: MockClock) -> None:
    async with open_daemon(Ears(pool_of("a", "b"))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        for name in ("a", "b"):
            daemon.say("READY\n", name)

        daemon.send("one", "two", "three")

        assert (list(daemon.told("a")), list(daemon.told("b"))) == (["one"], ["two"])
        daemon.say("RESULT 2\nOKREADY\n", "b")
        assert list(daemon.told("b")) == ["two", "three"]


async def test_a_full_buffer_loses_the_oldest_and_says_how_many(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_daemon(Ears(pool_of("ear", buffer_size=2))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()

        daemon.send("one", "two", "three", "four")
        daemon.say("READY\n")
        daemon.say("RESULT 2\nOKREADY\n")

        assert list(daemon.told()) == ["three", "four"]
        status = daemon.program("ears:ear").status()
        assert status.events_lost == 2
        assert status.description.endswith(", 2 events lost")
        assert caplog.text.count("the buffer is full") == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("hello\n", "said b'hello' in the place of READY"),
        ("READY\nmore", "spoke although it was given nothing"),
        ("READY\r\n", "in the place of READY"),
        ("x" * 300, "said a line of more than 256 bytes"),
        (f"READY\n@RESULT {'9' * 5000}\n", "said a line of more than 256 bytes"),
        ("READY\nRESULT 2\nOK@", "spoke although it was given nothing"),
        ("READY\n@RESULT two\nOK", "in the place of RESULT and a length"),
        ("READY\n@RESULT -1\n", "in the place of RESULT and a length"),
        ("READY\n@RESULT 99999999999\n", "in the place of RESULT and a length"),
        ("READY\n@OK\n", "in the place of RESULT and a length"),
    ],
)
async def test_who_breaks_the_protocol_is_replaced_and_hears_again(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture, said: str, why: str
) -> None:
    async with open_daemon(Ears(pool_of("ear", autorestart=False))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        before, _, after = said.partition("@")
        daemon.say(before)
        daemon.send("one")

        daemon.say(after)
        daemon.say("READY\n")  # nobody listens to it any more
        assert why in caplog.text
        await daemon.until(lambda: daemon.state().endswith("EXITED STARTING RUNNING"))
        daemon.say("READY\n")

        assert list(daemon.told()) == ["one"]
        assert daemon.state() == "STARTING RUNNING STOPPING EXITED STARTING RUNNING"


async def test_who_breaks_it_at_once_each_time_is_given_up(autojump_clock: MockClock) -> None:
    async with open_daemon(Ears(pool_of("ear", startsecs=1, startretries=1))) as daemon:
        assert isinstance(daemon, Ears)
        for spawns in (1, 2):
            await daemon.until(lambda: daemon.spawner.count("spawned", "ear") == spawns)  # noqa: B023
            daemon.say("hello\n")
        await daemon.until(lambda: daemon.state().endswith("FATAL"))

        assert daemon.state() == "STARTING STOPPING BACKOFF " * 2 + "FATAL"
        assert "the protocol" in daemon.program("ears:ear").status().description


async def test_who_is_busy_for_too_long_is_replaced_and_its_event_is_not_lost(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_daemon(Ears(pool_of("ear", event_timeout=30))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        daemon.send("one")
        start = trio.current_time()
        daemon.say("READY\n")

        await daemon.until(lambda: "STOPPING" in daemon.state())
        assert trio.current_time() - start == pytest.approx(30)
        await daemon.until(lambda: daemon.state().endswith("STARTING RUNNING"))
        daemon.say("READY\n")

        assert list(daemon.told()) == ["one"]
        assert "took 30 s for event REMOTE_COMMUNICATION (event_timeout)" in caplog.text


async def test_each_event_has_its_own_time(autojump_clock: MockClock) -> None:
    async with open_daemon(Ears(pool_of("ear", event_timeout=30))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        daemon.say("READY\n")
        for text in ("one", "two", "three"):
            daemon.send(text)
            await trio.sleep(29)
            daemon.say("RESULT 2\nOKREADY\n")
        await trio.sleep(100)

        assert daemon.state() == "STARTING RUNNING"


async def test_a_timeout_that_was_changed_holds_for_the_next_event(
    autojump_clock: MockClock,
) -> None:
    async with open_daemon(Ears(pool_of("ear", event_timeout=0))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        daemon.say("READY\n")
        daemon.send("one")
        daemon.configure(pool_of("ear", event_timeout=30))
        daemon.supervisor.reread()
        await outcome(daemon.program("ears:ear").stop_nowait(None))
        await outcome(daemon.program("ears:ear").start_nowait(None))

        daemon.say("READY\n")
        await daemon.until(
            lambda: daemon.state().endswith("RUNNING STOPPING EXITED STARTING RUNNING")
        )

        assert list(daemon.told()) == []


async def test_an_update_changes_who_is_in_a_pool(autojump_clock: MockClock) -> None:
    async with open_daemon(Ears(pool_of("a"))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        daemon.configure(pool_of("b", "c"))
        daemon.supervisor.reread()

        async for _ in updates.update(daemon.supervisor, [], None, dry_run=False):
            pass
        await daemon.settled()
        daemon.say("READY\n", "c")
        daemon.send("one")

        assert list(daemon.told("c")) == ["one"]


async def test_without_a_timeout_it_may_take_for_ever(autojump_clock: MockClock) -> None:
    async with open_daemon(Ears(pool_of("ear", event_timeout=0))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        daemon.say("READY\n")
        daemon.send("one")

        await trio.sleep(50_000)

        assert daemon.state() == "STARTING RUNNING"


async def test_the_event_of_one_that_dies_goes_to_another(autojump_clock: MockClock) -> None:
    async with open_daemon(Ears(pool_of("a", "b"))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        for name in ("a", "b"):
            daemon.say("READY\n", name)
        daemon.send("one")

        await outcome(daemon.program("ears:a").stop_nowait(None))

        assert list(daemon.told("b")) == ["one"]


async def test_one_that_takes_nothing_is_replaced(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_daemon(Ears(pool_of("ear"))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        pid = daemon.program("ears:ear").condition.pid
        assert pid is not None
        daemon.spawner.deaf.add(pid)
        daemon.say("READY\n")

        daemon.send("one")
        await daemon.until(lambda: daemon.state().endswith("STARTING RUNNING"))
        await trio.sleep(2)
        daemon.say("READY\n")

        assert "takes no event" in caplog.text
        assert list(daemon.told()) == ["one"]


async def test_it_is_told_of_everything_from_the_first_group_to_the_last_stop(
    autojump_clock: MockClock,
) -> None:
    everything = pool_of("ear", events=("EVENT",))
    daemon = Ears(everything, group_of("web", spec_of("web", startsecs=0)))
    async with open_daemon(daemon):
        await daemon.settled()
        daemon.say("READY\n")
        daemon.serve()
        answered = len(daemon.spawner.written)
        daemon.supervisor.shutdown_nowait(None)
        daemon.serve(answered)
        await daemon.until(lambda: "STOPPING" in daemon.states("web"))
        daemon.say("RESULT 2\nOKREADY\n")
        await daemon.until(lambda: "STOPPED" in daemon.states("web"))

    names = re.findall(
        r"eventname:(\S+) .*\n(?:.*?name:(\w+))?",
        b"\n".join(data for _, data in daemon.spawner.written).decode(),
    )
    assert names[:3] == [
        ("PROCESS_GROUP_ADDED", "ears"),
        ("PROCESS_GROUP_ADDED", "web"),
        ("SUPERVISOR_STATE_CHANGE_RUNNING", ""),
    ]
    assert ("PROCESS_STATE_RUNNING", "web") in names
    assert ("SUPERVISOR_STATE_CHANGE_STOPPING", "") in names
    assert names[-1] == ("PROCESS_STATE_STOPPED", "web")


async def test_a_restart_by_a_person_adopts_the_events_that_are_configured(
    autojump_clock: MockClock,
) -> None:
    async with open_daemon(Ears(pool_of("ear"))) as daemon:
        assert isinstance(daemon, Ears)
        await daemon.settled()
        assert not daemon.events.ticks_wanted.is_set()
        daemon.configure(pool_of("ear", events=("TICK_60",)))
        daemon.supervisor.reread()

        await outcome(daemon.program("ears:ear").stop_nowait(None))
        await outcome(daemon.program("ears:ear").start_nowait(None))

        assert daemon.events.ticks_wanted.is_set()


async def test_a_pool_that_is_taken_out_wants_nothing_more(autojump_clock: MockClock) -> None:
    async with open_daemon(Ears(pool_of("ear", events=("TICK",)))) as daemon:
        await daemon.settled()
        assert daemon.events.ticks_wanted.is_set()
        group = daemon.supervisor.groups["ears"]

        group.remove_nowait(None)
        await group.down.wait()
        await trio.testing.wait_all_tasks_blocked()

        assert not daemon.events.ticks_wanted.is_set()
