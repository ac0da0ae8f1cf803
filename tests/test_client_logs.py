"""tail and maintail: what is asked for, bytes as they are, terminals kept from harm."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import Answer, ScriptedDaemon

from trio_supervisor.cli.supervisorctl import main
from trio_supervisor.client.logs import BANNER, Escaper
from trio_supervisor.errors import Fault
from trio_supervisor.protocol.messages import Cancel, Channel, End, Error, Message, Output, Tail


def ctl(
    capsysbinary: pytest.CaptureFixture[bytes], answer: Answer, words: str
) -> tuple[bytes, bytes, int, list[Message]]:
    with ScriptedDaemon({Tail: answer}) as daemon:
        code = main(["-s", daemon.url, *words.split()])
    out, err = capsysbinary.readouterr()
    return out, err, code, daemon.requests()


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("tail cat", Tail(Channel.STDOUT, "cat", 1600)),
        ("tail -100 cat", Tail(Channel.STDOUT, "cat", 100)),
        ("tail cat stderr", Tail(Channel.STDERR, "cat", 1600)),
        ("tail -5 g:cat STDOUT", Tail(Channel.STDOUT, "g:cat", 5)),
        ("tail -f cat stderr", Tail(Channel.STDERR, "cat", 1024, follow=True)),
        ("maintail", Tail(Channel.MAIN, "", 1600)),
        ("maintail -20", Tail(Channel.MAIN, "", 20)),
        ("maintail -f", Tail(Channel.MAIN, "", 1024, follow=True)),
    ],
)
def test_words_become_a_request(
    capsysbinary: pytest.CaptureFixture[bytes], words: str, wanted: Tail
) -> None:
    assert ctl(capsysbinary, [End()], words)[3] == [wanted]


def test_bytes_come_out_as_they_are_with_a_newline(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    answer = [Output(b"\x1b[2J\xff one\n"), Output(b"two", lost=7), End()]

    out, err, code, _ = ctl(capsysbinary, answer, "tail cat")

    assert (out, code) == (b"\x1b[2J\xff one\ntwo\n", 0)
    assert err.startswith(b"[lost 7 bytes")


@pytest.mark.parametrize(
    ("words", "fault", "line"),
    [
        ("tail nosuch", Fault.BAD_NAME, b"nosuch: ERROR (no such process name)\n"),
        ("tail nolog", Fault.NO_FILE, b"nolog: ERROR (no log file)\n"),
        ("tail cat", Fault.FAILED, b"cat: ERROR (Input/output error)\n"),
        ("maintail", Fault.NO_FILE, b"supervisord: ERROR (no log file)\n"),
        ("tail cat", Fault.BUSY, b"ERROR: BUSY: Input/output error\n"),
    ],
)
def test_a_log_that_cannot_be_read_is_told(
    capsysbinary: pytest.CaptureFixture[bytes], words: str, fault: Fault, line: bytes
) -> None:
    out, _, code, _ = ctl(capsysbinary, [Error(fault, "Input/output error")], words)

    assert (out, code) == (line, 1)


def test_following_nothing_is_told_after_the_banner(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    out, err, code, _ = ctl(capsysbinary, [Error(Fault.BAD_NAME)], "tail -f nosuch")

    assert (out.decode(), code) == (BANNER + "\n", 0)
    assert err == b"nosuch: ERROR (no such process name)\n"


@pytest.mark.parametrize("words", ["tail kloud", "tail -f kloud"])
def test_a_likely_name_is_a_hint(capsysbinary: pytest.CaptureFixture[bytes], words: str) -> None:
    err = ctl(capsysbinary, [Error(Fault.BAD_NAME, "did you mean environment:kloud?")], words)[1]

    assert err.endswith(b"kloud: did you mean environment:kloud?\n")


def test_ctrl_c_ends_following_with_success(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    def press_ctrl_c(_request: Message) -> list[Message]:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return [Output(b"")]  # wakes a wait that the signal came just before

    out, _, code, asked = ctl(capsysbinary, press_ctrl_c, "tail -f cat")

    assert (out.decode(), code) == (BANNER + "\n", 0)
    assert asked[1:] in ([Cancel()], [])


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"plain\ttext\n", "plain\ttext\n"),
        ("naïve … 日本".encode(), "naïve … 日本"),
        (b"\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
        (b"\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        (b"a\rb\x08\x7f\x00", r"a\x0db\x08\x7f\x00"),
        ("\x9b2J".encode(), r"\x9b2J"),
        (b"\x9b2J \xff", r"\x9b2J \xff"),
        (b"cut \xe2\x80", r"cut \xe2\x80"),
        (b"cut \x1b[1", r"cut \x1b[1"),
        (b"\x1b[" + b"1" * 200 + b"K", r"\x1b[" + "1" * 200 + "K"),
    ],
)
def test_a_terminal_gets_text_and_colours_only(data: bytes, shown: str) -> None:
    assert Escaper().escape(data, final=True) == shown


@given(st.lists(st.binary(max_size=8) | st.sampled_from([b"\x1b[31m", "é".encode(), b"\x1b["])))
def test_chunks_are_escaped_as_the_whole_would_be(chunks: list[bytes]) -> None:
    escaper = Escaper()

    pieces = "".join(map(escaper.escape, chunks)) + escaper.escape(b"", final=True)

    assert pieces == Escaper().escape(b"".join(chunks), final=True)


def test_a_real_terminal_is_recognised() -> None:
    ours, theirs = pty.openpty()
    with ScriptedDaemon({Tail: [Output(b"bell\x07\n"), End()]}) as daemon:
        code = "import sys; from trio_supervisor.cli.supervisorctl import main; main(sys.argv[1:])"
        command = [sys.executable, "-c", code, "-s", daemon.url, "tail", "cat"]
        subprocess.run(command, stdout=theirs, check=True, timeout=20)
    shown = os.read(ours, 100)
    os.close(theirs)
    os.close(ours)

    assert shown == b"bell\\x07\r\n\r\n"
