"""From files to specs: defaults, conversions, names, and every refusal with its place."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import msgspec
import pytest
import tomli_w
from configurations import loaded, problems, program
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trio_supervisor.config import load
from trio_supervisor.source import read
from trio_supervisor.spec import (
    BackoffSpec,
    Dependency,
    InetServerSpec,
    Intensity,
    ListenerSpec,
    ProgramSpec,
    UnixServerSpec,
)

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

SAMPLE = """\
; a file as the original's sample command prints it: sections, options, inline comments
[unix_http_server]
file=/tmp/supervisor.sock   ; where the socket is
;chmod=0700                 ; its mode

;[inet_http_server]         ; off
;port=127.0.0.1:9001        ; where

[supervisord]
logfile=/tmp/supervisord.log ; the log
logfile_maxbytes=50MB        ; its size
logfile_backups=10           ; # of backups
loglevel=info                ; others: debug,warn,trace
pidfile=/tmp/supervisord.pid ; the pid
nodaemon=false               ; the foreground
silent=false                 ; no output
minfds=1024                  ; files
minprocs=200                 ; processes
;environment=KEY="value"     ; don't worry

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix:///tmp/supervisor.sock ; unix:// for a socket
;prompt=mysupervisor         ; the prompt

;[program:theprogramname]
;command=/bin/cat              ; %(process_num)s may stand here

;[include]
;files = relative/directory/*.ini
"""


def test_the_sample_of_the_original_loads_without_a_word(tmp_path: Path) -> None:
    found = loaded(tmp_path, SAMPLE)

    assert found.warnings == ()
    assert found.unix_servers == (UnixServerSpec(file="/tmp/supervisor.sock"),)
    assert found.supervisord.logfile == "/tmp/supervisord.log"


def test_a_program_without_options_has_the_defaults(tmp_path: Path) -> None:
    expected = ProgramSpec(
        command="/bin/true", process_name="web", program="web", directory=str(tmp_path)
    )

    assert program(tmp_path, "") == expected


@pytest.mark.parametrize(
    ("line", "field", "expected"),
    [
        ("startsecs=0.5", "startsecs", 0.5),
        ("autorestart=true", "autorestart", True),
        ("autorestart=unexpected", "autorestart", "unexpected"),
        ("exitcodes=0,2", "exitcodes", (0, 2)),
        ("exitcodes=", "exitcodes", ()),
        ("stopsignal=quit", "stopsignal", signal.SIGQUIT),
        ("umask=022", "umask", 0o22),
        ("stdout_logfile=off", "stdout_logfile", "NONE"),
        ("stdout_logfile_maxbytes=1MB", "stdout_logfile_maxbytes", 1024**2),
        ("environment=A=%(ENV_NAME)s", "environment", {"A": "x"}),
        ("serverurl=AUTO", "serverurl", None),
        ("directory=sub", "directory", "{path}/sub"),
        ("stderr_logfile=%(program_name)s.log", "stderr_logfile", "{path}/web.log"),
        ("process_name=%(group_name)s-%(process_num)d", "process_name", "web-0"),
        ("numprocs_start=7\nprocess_name=w%(process_num)02d", "process_name", "w07"),
        ('environment=A="1"\ncommand=run %(ENV_A)s 100%%', "command", "run 1 100%"),
        ("redirect_stderr=true", "stderr_logfile", "NONE"),
        ("killasgroup=true", "killasgroup", True),
        ("tty=true", "redirect_stderr", True),
        ("tty=true", "stderr_logfile", "NONE"),
    ],
)
def test_an_option_becomes_its_value(tmp_path: Path, line: Any, field: Any, expected: Any) -> None:
    value = expected.format(path=tmp_path) if isinstance(expected, str) else expected

    assert getattr(program(tmp_path, line), field) == value


def test_the_environment_of_the_daemon_lies_under_that_of_the_program(tmp_path: Path) -> None:
    before = '[supervisord]\nenvironment=A="1",B="2"\n'

    found = program(tmp_path, "environment=B=3,C=%(ENV_A)s", before)

    assert found.environment == {"A": "1", "B": "3", "C": "1"}


def test_numprocs_makes_numbered_processes(tmp_path: Path) -> None:
    text = "[program:w]\ncommand=x %(process_num)d/%(numprocs)d\nnumprocs=2\nnumprocs_start=1\n"

    (group,) = loaded(tmp_path, f"{text}process_name=w%(process_num)d\n").groups

    assert [(one.process_name, one.command) for one in group.programs] == [
        ("w1", "x 1/2"),
        ("w2", "x 2/2"),
    ]


def test_groups_and_their_processes_are_sorted_by_priority_then_name(tmp_path: Path) -> None:
    text = (
        "[program:c]\ncommand=x\n[program:b]\ncommand=x\npriority=1\n[program:a]\ncommand=x\n"
        "[program:d]\ncommand=x\n[group:g]\nprograms=c,b,a\npriority=5\n"
    )

    found = loaded(tmp_path, text)

    assert [
        (group.name, [one.process_name for one in group.programs]) for group in found.groups
    ] == [
        ("g", ["b", "a", "c"]),
        ("d", ["d"]),
    ]


def test_a_program_in_two_groups_runs_in_both(tmp_path: Path) -> None:
    text = "[program:a]\ncommand=%(group_name)s\n[group:g]\nprograms=a\n[group:h]\nprograms=a\n"

    found = loaded(tmp_path, text)

    assert [group.programs[0].command for group in found.groups] == ["g", "h"]


def test_relative_paths_start_at_the_directory_of_the_daemon(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    text = "[supervisord]\ndirectory=d\n[unix_http_server]\nfile=s\n[program:a]\ncommand=x\n"

    found = loaded(tmp_path, text)

    base = f"{tmp_path}/d"
    assert (
        found.base == found.supervisord.directory == found.groups[0].programs[0].directory == base
    )
    assert found.supervisord.logfile == f"{base}/supervisord.log"
    assert found.unix_servers[0].file == f"{base}/s"


def test_values_of_the_command_line_beat_the_file(tmp_path: Path) -> None:
    file = tmp_path / "a.conf"
    file.write_text("[supervisord]\nloglevel=warn\numask=077\n")

    found = load(read(str(file), {}), overrides={"loglevel": "debug"}, directory=str(tmp_path))

    assert (found.supervisord.loglevel, found.supervisord.umask) == ("debug", 0o77)


def test_servers_may_have_names(tmp_path: Path) -> None:
    text = (
        "[inet_http_server:a]\nport=[::1]:1\n"
        "[inet_http_server]\nport=*:2\nusername=me\npassword=secret\n"
    )

    assert loaded(tmp_path, text).inet_servers == (
        InetServerSpec(host="", port=2, username="me", password="secret"),
        InetServerSpec(host="::1", port=1),
    )


def test_toml_has_its_own_types(tmp_path: Path) -> None:
    text = (
        '[program.web]\ncommand = ["run", "%(ENV_A)s"]\nexitcodes = [0, 2]\nstopsignal = 15\n'
        "umask = 0o022\nautostart = false\nstartsecs = 1.5\n[program.web.environment]\nA = '1'\n"
    )

    (group,) = loaded(tmp_path, text, "a.toml").groups

    assert group.programs[0] == ProgramSpec(
        command=("run", "1"),
        process_name="web",
        program="web",
        exitcodes=(0, 2),
        umask=0o22,
        autostart=False,
        startsecs=1.5,
        environment={"A": "1"},
        directory=str(tmp_path),
    )


@pytest.mark.parametrize(
    ("port", "where"),
    [
        ("9001", "all addresses"),
        ("*:9001", "all addresses"),
        ("0.0.0.0:9001", "0.0.0.0"),
        ("[::]:9001", "::"),
        ("128.0.0.1:9001", "128.0.0.1"),
        ("127.evil.example:9001", "127.evil.example"),
        ("[::ffff:8.8.8.8]:9001", "::ffff:8.8.8.8"),
    ],
)
@pytest.mark.parametrize("name", ["a.conf", "a.toml"])
def test_a_port_that_others_reach_needs_a_password(
    tmp_path: Path, name: str, port: str, where: str
) -> None:
    value = f'"{port}"' if name.endswith("toml") else port

    (problem,) = problems(tmp_path, f"[inet_http_server]\nport = {value}\n", name)

    assert problem == (
        f"{name}:2: inet_http_server.port: listens on {where} without a password, and who connects "
        "may run programs (add username and password, or listen on 127.0.0.1:9001 only)"
    )


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "[::1]"])
def test_a_port_that_only_this_machine_reaches_needs_none(tmp_path: Path, host: str) -> None:
    assert loaded(tmp_path, f"[inet_http_server]\nport={host}:1\n").inet_servers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("umask=9", "a.conf:3: program.web.umask: '9' is not an octal mode (example: 022)"),
        ("numprocs=0", "a.conf:3: program.web.numprocs: 0 is refused: expected an integer >= 1"),
        (
            "numprocs=2",
            (
                "a.conf:1: program.web.process_name: must hold %(process_num)d when numprocs is"
                " above 1 (%(program_name)s_%(process_num)02d)"
            ),
        ),
        (
            "numprocs=2\nprocess_name=%(process_num).0s",
            (
                "a.conf:4: program.web.process_name: '' is not a name of a program"
                " (names are not empty and hold no space, ':' or '/')"
            ),
        ),
        (
            "stopasgroup=true\nkillasgroup=false",
            (
                "a.conf:4: program.web.killasgroup: cannot be false when stopasgroup is true"
                " (remove one of them)"
            ),
        ),
        (
            "directory=%(hre)s",
            "a.conf:3: program.web.directory: %(hre)s is not known (did you mean %(here)s?)",
        ),
        (
            "stdout_logfile=/nowhere/x",
            (
                "a.conf:3: program.web.stdout_logfile: the directory of '/nowhere/x' does not exist"
                " (mkdir -p /nowhere)"
            ),
        ),
    ],
)
def test_a_wrong_option_is_refused_at_its_place(tmp_path: Path, text: str, expected: Any) -> None:
    assert expected in problems(tmp_path, f"[program:web]\ncommand=x\n{text}\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "a.conf:1: fcgi-program.app: has no socket (add: socket = …)"),
        ("socket=foo", "a.conf:3: fcgi-program.app.socket: 'foo' is not a socket (examples: "),
        ("socket=tcp://9000", "'tcp://9000' is not a socket (examples: unix:///run/app.sock, "),
        ("socket=tcp://h:0", "fcgi-program.app.socket: 'h:0' is not an address (example: "),
        ("socket=unix://x", "'unix://x': the path is not absolute (example: unix:///run/app"),
        ("socket=tcp://h:1\nsocket_mode=0600", "app.socket_mode: is for unix sockets only"),
        ("socket=tcp://h:1\nsocket_owner=root", "app.socket_owner: is for unix sockets only"),
        ("socket=tcp://h:1\nsocket_backlog=0", "a.conf:4: fcgi-program.app.socket_backlog: 0 is"),
        ("socket=unix:///x\nsocket_owner=nosuch", "app.socket_owner: 'nosuch'"),
        ("socket=unix:///x\nsocket_mode=9", "app.socket_mode: '9' is not an octal mode"),
        (
            "socket=unix:///x\n[program:app]\ncommand=x",
            "fcgi-program.app: has the name of [program:app] (rename one of them)",
        ),
    ],
)
def test_a_wrong_socket_is_refused_at_its_place(tmp_path: Path, text: str, expected: str) -> None:
    found = problems(tmp_path, f"[fcgi-program:app]\ncommand=x\n{text}\n")
    assert expected in "\n".join(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[program:a b]\ncommand=x", "1: program.a b: 'a b' is not a name of a program"),
        ("[program:]\ncommand=x", "1: program.: '' is not a name of a program"),
        ("[program:a]", "1: program.a: has no command (add: command = …)"),
        (
            "[program:web]\ncommand=x\n[group:g]\nprograms=wbe",
            "4: group.g.programs: there is no program 'wbe' (did you mean web?)",
        ),
        (
            "[program:a]\ncommand=x\n[program:b]\ncommand=x\n[group:a]\nprograms=b",
            "1: program.a: has the name of [group:a], which does not list it (rename one of them)",
        ),
        (
            (
                "[program:a]\ncommand=x\nprocess_name=p\n[program:b]\ncommand=x\nprocess_name=p\n"
                "[group:g]\nprograms=a,b"
            ),
            "7: group.g: two processes would be called g:p (change a process_name)",
        ),
        ("[unix_http_server]", "1: unix_http_server: has no file (add: file = …)"),
        (
            "[inet_http_server]\nport=1\nusername=me",
            "1: inet_http_server: has no password (give both username and password, or neither)",
        ),
        ("[inet_http_server]\nport=abc", "2: inet_http_server.port: 'abc' is not an address"),
        ("[supervisord]\ndirectory=/nowhere", "2: supervisord.directory: '/nowhere' is not an"),
        ("[supervisord]\nuser=no body", "2: supervisord.user: 'no body' is not a user of"),
    ],
)
def test_a_wrong_section_is_refused_at_its_place(tmp_path: Path, text: str, expected: Any) -> None:
    found = problems(tmp_path, text)

    assert any(problem.startswith(f"a.conf:{expected}") for problem in found)


def test_all_problems_are_listed_in_the_order_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "b.conf").write_text("[program:b]\ncommand=%(x)s\n")
    text = "[program:a]\numask=9\n[supervisord]\nlogfile=%(x)s\nminfds=x\n[include]\nfiles=b.conf\n"

    found = problems(tmp_path, text)

    assert [problem.split(": ")[0:2] for problem in found] == [
        ["a.conf:1", "program.a"],
        ["a.conf:2", "program.a.umask"],
        ["a.conf:4", "supervisord.logfile"],
        ["a.conf:5", "supervisord.minfds"],
        ["b.conf:2", "program.b.command"],
    ]


def test_a_problem_of_many_processes_is_reported_once(tmp_path: Path) -> None:
    text = "[program:a]\ncommand=x\nnumprocs=9\nprocess_name=%(process_num)d\numask=9\n"

    assert len(problems(tmp_path, text)) == 1


def test_passwords_and_environments_stay_out_of_errors(tmp_path: Path) -> None:
    text = '[control]\nfile="x"\npassword=12345\n[supervisord]\nenvironment="TOKEN=\\"hunter2"\n'

    found = problems(tmp_path, text, "a.toml")

    assert not any("12345" in problem or "hunter2" in problem for problem in found)


def test_reprs_of_specs_hide_secrets(tmp_path: Path) -> None:
    text = "[unix_http_server]\nfile=x\nusername=u\npassword=s3cret\n"

    found = loaded(tmp_path, f"{text}[program:a]\ncommand=x\nenvironment=T=s3cret\n")

    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("[program.a]\ncomand = 'x'", "2: program.a.comand: is no option of program (did you mean"),
        ("[programs.a]\nx = 1", "1: programs: is no section (did you mean program?)"),
        ("top = 1", "1: top: is no section"),
        ("inet_http_server = 1", "1: inet_http_server: is not a table"),
        ("supervisord = 1", "1: supervisord: is not a table"),
        ("[program]\na = 1", "2: program.a: is not a table"),
        ("[program.a]\ncommand = 1", "2: program.a.command: 1 is refused: expected"),
    ],
)
def test_what_toml_does_not_know_is_an_error(tmp_path: Path, toml: Any, expected: Any) -> None:
    found = problems(tmp_path, toml, "a.toml")

    assert any(problem.startswith(f"a.toml:{expected}") for problem in found)


WARNED = [
    ("[program:a]\ncommand=x\ncomand=y", "3: program.a.comand: is no option of program"),
    ("[programs:a]", "1: programs:a: is no section"),
    ("[group:g]", "1: group.g: has no programs; the group is left out"),
    ("[rpcinterface:other]", "1: rpcinterface.other: is not served yet"),
    (
        "[program:a]\ncommand=x\nredirect_stderr=true\nstderr_logfile=y",
        "4: program.a.stderr_logfile: redirect_stderr is set; it is ignored",
    ),
    (
        "[program:a]\ncommand=x\ntty=true\nstderr_logfile=y",
        "4: program.a.stderr_logfile: tty is set; it is ignored",
    ),
    (
        "[eventlistener:e]\ncommand=x\nevents=TICK\nresult_handler=a:b",
        "4: eventlistener.e.result_handler: 'a:b' is not called: OK means that an event is done",
    ),
    (
        "[eventlistener:e]\ncommand=x\nevents=TICK\nstdout_capture_maxbytes=1",
        "4: eventlistener.e.stdout_capture_maxbytes: has no effect here",
    ),
    ("[DEFAULT]\nfoo=1\nautostart=no", "2: DEFAULT.foo: is no option of any section"),
]


@pytest.mark.parametrize(("text", "expected"), WARNED)
def test_what_the_original_passes_over_is_a_warning(
    tmp_path: Path, text: str, expected: Any
) -> None:
    found = [one.removeprefix(f"{tmp_path}/a.conf:") for one in loaded(tmp_path, text).warnings]

    assert any(warning.startswith(expected) for warning in found)


@pytest.mark.parametrize(("text", "expected"), WARNED)
def test_a_warning_is_an_error_when_strict(tmp_path: Path, text: str, expected: Any) -> None:
    found = problems(tmp_path, text, strict=True)

    assert any(problem.startswith(f"a.conf:{expected}") for problem in found)


def test_a_default_of_programs_is_no_unknown_option_of_others(tmp_path: Path) -> None:
    found = loaded(tmp_path, "[DEFAULT]\nautostart=no\n[supervisord]\n[program:a]\ncommand=x\n")

    assert found.warnings == ()
    assert found.groups[0].programs[0].autostart is False


words = st.text("abcxyz09_-", min_size=1, max_size=6)
programs = st.fixed_dictionaries(
    {"command": words},
    optional={
        "numprocs_start": st.integers(0, 9),
        "priority": st.integers(-5, 5),
        "autostart": st.booleans(),
        "startsecs": st.floats(0, 100),
        "autorestart": st.booleans() | st.just("unexpected"),
        "exitcodes": st.lists(st.integers(0, 255), max_size=3),
        "stopsignal": st.sampled_from(["TERM", "SIGINT", "usr1"]),
        "stdout_logfile": st.sampled_from(["AUTO", "NONE", "x.log"]),
        "stdout_logfile_maxbytes": st.integers(0, 99) | st.just("5MB"),
        "environment": st.dictionaries(words, st.text("ab ,;'\"\\=", max_size=5), max_size=2),
        "umask": st.sampled_from(["022", "0"]),
    },
)


def as_ini(value: Any) -> Any:
    match value:
        case list():
            return ",".join(map(str, value))
        case dict():
            escaped = {k: v.replace("\\", "\\\\").replace('"', '\\"') for k, v in value.items()}
            return ",".join(f'{name}="{text}"' for name, text in escaped.items())
        case _:
            return str(value)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(st.dictionaries(words, programs, max_size=3))
def test_both_dialects_of_one_tree_give_the_same_specs(tmp_path: Path, tree: Any) -> None:
    ini = "".join(
        f"[program:{name}]\n"
        + "".join(f"{key}={as_ini(value)}\n" for key, value in section.items())
        for name, section in tree.items()
        if not any(" ;" in text for text in section.get("environment", {}).values())
    )
    kept = {name: section for name, section in tree.items() if f"[program:{name}]" in ini}

    from_ini = loaded(tmp_path, ini)
    from_toml = loaded(tmp_path, tomli_w.dumps({"program": kept}), "a.toml")

    assert from_ini.groups == from_toml.groups


def test_specs_are_frozen(tmp_path: Path) -> None:
    spec = program(tmp_path, "")

    with pytest.raises(AttributeError):
        spec.priority = 1  # type: ignore[misc]  # what mypy says is what is tested

    assert msgspec.structs.replace(spec, priority=1) != spec


NAMES_OF_NO_VARIABLE = {
    "toml": (
        '[program.a]\ncommand = "x"\nenvironment = {{ {0} = "v" }}',
        '"A\\u0000B"',
        '"A=B"',
        '""',
    ),
    "conf": ('[program:a]\ncommand=x\nenvironment={0}="v"', "A\0B"),
}


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (dialect, text.format(name))
        for dialect, (text, *names) in NAMES_OF_NO_VARIABLE.items()
        for name in names
    ],
)
@pytest.mark.parametrize("section", ["program", "supervisord"])
def test_a_name_that_no_variable_can_have_is_an_error_at_its_place(
    tmp_path: Path, dialect: str, text: str, section: str
) -> None:
    if section == "supervisord":
        text = text.replace("program.a", section).replace("program:a", section)
        text = "\n".join(line for line in text.splitlines() if not line.startswith("command"))

    (problem,) = problems(tmp_path, text, f"a.{dialect}")

    line = len(text.splitlines())
    assert problem.startswith(f"a.{dialect}:{line}: {section}.")
    assert "is not the name of a variable (it needs" in problem


@pytest.mark.parametrize("conversion", ["0999999999d", ".99999999999s", "1000s", "5.1000d"])
@pytest.mark.parametrize("name", ["process_num", "here"])
def test_an_expansion_has_a_width_that_somebody_could_want(
    tmp_path: Path, name: str, conversion: str
) -> None:
    (problem,) = problems(tmp_path, f"[program:a]\ncommand=x %({name}){conversion}")

    assert problem == (
        f"a.conf:2: program.a.command: '%({name}){conversion}' asks for 1000 characters or more "
        f"(write %({name})s, or a smaller width)"
    )


def test_expansions_together_have_a_length_that_can_be_executed(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, f"[program:a]\ncommand=x {'%(process_num)0999d' * 200}")

    assert problem.startswith("a.conf:2: program.a.command: '%(process_num)0999d' makes it longer")


def test_nobody_waits_for_a_number_of_processes_that_no_machine_has(tmp_path: Path) -> None:
    options = "command=x\nnumprocs=100000000\nprocess_name=%(process_num)d"

    assert problems(tmp_path, f"[program:a]\n{options}") == [
        "a.conf:3: program.a.numprocs: 100000000 is refused: expected an integer <= 10000"
    ]


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("numprocs", "1.5", "'1.5' is not an integer (example: 10)"),
        (
            "startsecs",
            "true",
            "'true' is not a number of seconds (examples: 10, 0.5, 500ms, 1m30s)",
        ),
        ("startsecs", "inf", "'inf' is not a number of seconds (examples: 10, 0.5, 500ms, 1m30s)"),
        ("umask", "999999", "'999999' is not an octal mode (example: 022)"),
        ("autorestart", "5", "'5' is none of true, false, unexpected"),
    ],
)
def test_a_bad_value_is_told_in_the_same_words_in_both_dialects(
    tmp_path: Path, option: str, value: str, words: str
) -> None:
    ini = problems(tmp_path, f"[program:a]\ncommand=x\n{option}={value}")
    toml = problems(tmp_path, f"[program.a]\ncommand = 'x'\n{option} = {value}", "a.toml")

    assert ini == [f"a.conf:3: program.a.{option}: {words}"]
    assert toml == [f"a.toml:3: program.a.{option}: {words}"]


def test_a_bad_value_of_a_table_is_told_without_it(tmp_path: Path) -> None:
    text = "[program.a]\ncommand = 'x'\nenvironment = { A = 'secret', B = 5 }"

    (problem,) = problems(tmp_path, text, "a.toml")

    assert "the value is refused: expected text in quotes, got an integer" in problem


# ── event listeners ──


def test_an_event_listener_is_a_group_of_its_own_that_starts_first(tmp_path: Path) -> None:
    text = "[program:a]\ncommand=x\n[eventlistener:e]\ncommand=y\nevents=tick_5,PROCESS_STATE\n"

    listener, program = loaded(tmp_path, text).groups

    (spec,) = listener.programs
    assert isinstance(spec, ListenerSpec)
    assert (listener.name, listener.priority, listener.is_pool) == ("e", -1, True)
    assert spec.events == ("TICK_5", "PROCESS_STATE")
    assert (spec.buffer_size, spec.event_timeout) == (1000, 300)
    assert not program.is_pool


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", "1: eventlistener.e: has no events (add: events = …)"),
        ("events=PROCES_STATE", "3: eventlistener.e.events: 'PROCES_STATE' is no type of events"),
        ("events=", "3: eventlistener.e.events: names no events (EVENT stands for all)"),
        ("events=TICK\nbuffer_size=0", "4: eventlistener.e.buffer_size: 0 is refused"),
        ("events=TICK\nredirect_stderr=true", "4: eventlistener.e.redirect_stderr: cannot be true"),
        (
            "events=TICK\ntty=true",
            "4: eventlistener.e.tty: cannot be true: its stdin has another use",
        ),
        ("events=TICK\n[program:e]\ncommand=x", "1: eventlistener.e: has the name of [program:e]"),
        (
            "events=TICK\n[group:g]\nprograms=e",
            "5: group.g.programs: 'e' is an event listener, which is a group of its own",
        ),
    ],
)
def test_what_no_event_listener_may_have_is_an_error(
    tmp_path: Path, options: str, expected: str
) -> None:
    found = problems(tmp_path, f"[eventlistener:e]\ncommand=x\n{options}\n")

    assert any(problem.startswith(f"a.conf:{expected}") for problem in found)


# ── order ──


def needs(tmp_path: Path, text: str, name: str = "a.conf") -> dict[str, dict[str, Dependency]]:
    """Return what each process needs."""
    return {
        program.process_name: program.depends_on
        for group in loaded(tmp_path, text, name).groups
        for program in group.programs
    }


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("depends_on=db, job=started", "a.conf"),
        ("depends_on = 'db, job=started'", "a.toml"),
        ("depends_on = ['db', 'job=started']", "a.toml"),
        ("depends_on = {db = {}, job = 'process_started'}", "a.toml"),
        ("depends_on = {db = {condition = 'service_started'}, job = 'started'}", "a.toml"),
        ("depends_on={db = {}, job = 'started'}", "a.conf"),
    ],
)
def test_dependencies_are_written_as_words_lists_or_tables(
    tmp_path: Path, written: str, name: str
) -> None:
    quote = "'" if name.endswith("toml") else ""
    dot = "." if quote else ":"
    command = f"command={quote}x{quote}"
    text = f"[program{dot}web]\n{command}\n{written}\n[program{dot}db]\n{command}\n"
    text += f"[program{dot}job]\n{command}\ntype={quote}task{quote}\n"

    started = Dependency(condition="started")
    assert needs(tmp_path, text, name)["web"] == {"db": started, "job": started}


def test_a_task_is_to_have_ended_well_and_is_not_started_again(tmp_path: Path) -> None:
    text = "[program:web]\ncommand=x\ndepends_on=job\n[program:job]\ncommand=x\ntype=task\n"
    text += "startsecs=5\n"

    assert needs(tmp_path, text)["web"]["job"].condition == "completed_ok"
    job = loaded(tmp_path, text).groups[0].programs[0]
    assert (job.autorestart, job.startsecs) == (False, 0)


def test_a_name_is_that_of_a_program_a_group_or_a_process(tmp_path: Path) -> None:
    text = (
        "[program:w]\ncommand=x\nnumprocs=2\nprocess_name=w%(process_num)d\n"
        "[program:x]\ncommand=x\n[group:g]\nprograms=w,x\n"
        "[program:a]\ncommand=x\ndepends_on=w\n"
        "[program:b]\ncommand=x\ndepends_on=g\n"
        "[program:c]\ncommand=x\ndepends_on=g:x\n"
    )

    found = needs(tmp_path, text)

    assert set(found["a"]) == {"g:w0", "g:w1"}
    assert set(found["b"]) == {"g:w0", "g:w1", "g:x"}
    assert set(found["c"]) == {"g:x"}


def test_a_program_in_several_groups_needs_its_neighbours(tmp_path: Path) -> None:
    text = (
        "[program:db]\ncommand=x\n[program:web]\ncommand=x\ndepends_on=db\n"
        "[group:one]\nprograms=db,web\n[group:two]\nprograms=db,web\n"
    )

    one, two = loaded(tmp_path, text).groups

    assert set(one.programs[1].depends_on) == {"one:db"}
    assert set(two.programs[1].depends_on) == {"two:db"}


@pytest.mark.parametrize(
    ("needed", "expected"),
    [
        ("dbs", "3: program.web.depends_on: there is no program or group 'dbs' (did you mean db?"),
        ("zzz", "3: program.web.depends_on: there is no program or group 'zzz' (add a section"),
        ("web", "3: program.web.depends_on: can never be met: web needs web (take one of them"),
        ("db", "6: program.db.depends_on: can never be met: db needs web needs db (take one of"),
        ("db=up", "3: program.web.depends_on: 'up' of 'db' is no condition (one of started, ready"),
        (
            "{db = {need = 1}}",
            "3: program.web.depends_on: there is no db.need in depends_on (it ha",
        ),
        (
            "{db = {restart = 2}}",
            "3: program.web.depends_on: db.restart: '2' is not a boolean (wri",
        ),
    ],
)
def test_fault_25_what_can_never_be_met_is_an_error(
    tmp_path: Path, needed: str, expected: str
) -> None:
    text = (
        f"[program:web]\ncommand=x\ndepends_on={needed}\n[program:db]\ncommand=x\ndepends_on=web\n"
    )

    found = problems(tmp_path, text)

    assert any(problem.startswith(f"a.conf:{expected}") for problem in found), found


def test_what_is_not_required_and_does_not_exist_is_warned_of(tmp_path: Path) -> None:
    text = "[program:web]\ncommand=x\ndepends_on={db = {required = false}}\n"

    (warning,) = loaded(tmp_path, text).warnings

    assert warning.removeprefix(f"{tmp_path}/") == (
        "a.conf:3: program.web.depends_on: there is no program or group 'db' "
        "(add a section [program:db])"
    )


def test_the_end_of_what_is_always_started_again_is_not_waited_for(tmp_path: Path) -> None:
    text = "[program:web]\ncommand=x\ndepends_on=db=completed\n[program:db]\ncommand=x\n"

    (found,) = problems(tmp_path, f"{text}autorestart=true\n")

    assert found.startswith(
        "a.conf:3: program.web.depends_on: 'db' can never be completed (autorestart = true starts"
    )


# ── restarts ──


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("backoff={base = 0.5, max = 30}", "a.conf"),
        ("backoff = '{base = 0.5, max = 30}'", "a.toml"),
        ("backoff = {base = 0.5, max = 30}", "a.toml"),
    ],
)
def test_a_backoff_is_a_table_in_both_dialects(tmp_path: Path, written: str, name: str) -> None:
    section, quote = ("[program.web]", "'") if name.endswith("toml") else ("[program:web]", "")

    found = loaded(tmp_path, f"{section}\ncommand={quote}x{quote}\n{written}\n", name)

    assert found.groups[0].programs[0].backoff == BackoffSpec(base=0.5, max=30)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("4", "'4' is not a table (example: {"),
        ("{base = }", "'{base = }' is not a table (example: {"),
        ("{factor = 0}", "factor: 0 is refused: expected a number >= 1.0"),
        ("{bas = 1}", "there is no bas in backoff (did you mean base?)"),
    ],
)
def test_a_backoff_that_makes_no_sense_is_an_error(
    tmp_path: Path, written: str, expected: str
) -> None:
    (found,) = problems(tmp_path, f"[program:web]\ncommand=x\nbackoff={written}\n")

    assert found.startswith(f"a.conf:3: program.web.backoff: {expected}")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("5 in 30s", Intensity(times=5, seconds=30)),
        ("5 in 30", Intensity(times=5, seconds=30)),
        (" 0  in  1.5m ", Intensity(times=0, seconds=90)),
        ("3 in 1 h", Intensity(times=3, seconds=3600)),
    ],
)
def test_an_intensity_is_a_number_within_a_period(
    tmp_path: Path, written: str, expected: Intensity
) -> None:
    text = f"[program:a]\ncommand=x\n[group:g]\nprograms=a\nintensity={written}\n"

    assert loaded(tmp_path, text).groups[0].intensity == expected


@pytest.mark.parametrize(
    "written", ["5", "5 in", "5 in 0s", "in 5s", "-1 in 5s", "5 in 3y", "x in y"]
)
def test_what_is_no_intensity_is_an_error(tmp_path: Path, written: str) -> None:
    text = f"[program:a]\ncommand=x\n[group:g]\nprograms=a\nintensity={written}\n"

    remedy = "is no number within a period (example: 5 in 30s)"
    assert problems(tmp_path, text) == [f"a.conf:5: group.g.intensity: {written!r} {remedy}"]


def test_a_group_has_a_strategy_and_may_be_critical(tmp_path: Path) -> None:
    text = (
        "[program.a]\ncommand='x'\n[program.b]\ncommand='x'\n"
        "[group.g]\nprograms=['a']\nstrategy='one_for_all'\ncritical=true\n"
    )

    g, b = sorted(loaded(tmp_path, text, "a.toml").groups, key=lambda group: group.name)[::-1]

    assert (g.strategy, g.critical, g.intensity) == ("one_for_all", True, None)
    assert (b.strategy, b.critical) == ("one_for_one", False)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("strategy=all", "'all' is none of one_for_one, one_for_all, rest_for_one"),
        ("critical=perhaps", "'perhaps' is not a boolean (write true or false)"),
    ],
)
def test_options_of_groups_are_judged(tmp_path: Path, option: str, expected: str) -> None:
    found = problems(tmp_path, f"[program:a]\ncommand=x\n[group:g]\nprograms=a\n{option}\n")

    assert found == [f"a.conf:5: group.g.{option.partition('=')[0]}: {expected}"]
