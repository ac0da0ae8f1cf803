"""`trio-supervisor configure`, in this process and, for its questions, under a pseudo-terminal."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trio_supervisor.cli.configure import OUTPUT, described, main, parse
from trio_supervisor.cli.template import Template, Variable, as_text, directory_from, variable
from trio_supervisor.errors import ConfigError, SupervisorError

ROOT = Path(__file__).parent.parent
DEMONSTRATION = ROOT / "conf" / "dev-env.toml"

TEMPLATE = """\
[configure.owner]
help = "who is called at night"

[configure.port]
default = 8000
help = "where it listens"

[configure.size]
choices = [1, 2, 3]
default = 2

[configure.share]
type = "float"
default = 0.5

[configure.keep]
default = true

[supervisord]
directory = "%(here)s"
logfile = "logs/daemon/main.log"

[program.web]
command = "serve --port %(configure_port)s --keep %(configure_keep)s"
numprocs = "%(configure_size)s"
process_name = "%(program_name)s_%(process_num)d"
startsecs = "%(configure_share)s"
autostart = "%(configure_keep)s"
stdout_logfile = "logs/%(configure_owner)s/%(program_name)s.log"
stderr_logfile = "logs/%(process_num)d/err.log"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty project, without a terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    (tmp_path / "web.toml").write_text(TEMPLATE)
    return tmp_path


def refusal(capsys: pytest.CaptureFixture[str], project: Path, *arguments: str) -> str:
    """Assert that a command is refused in whole lines and has left nothing; give the lines."""
    before = {path: path.read_bytes() for path in project.rglob("*") if path.is_file()}
    directories = {path for path in project.rglob("*") if path.is_dir()}

    assert main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    assert {path: path.read_bytes() for path in project.rglob("*") if path.is_file()} == before
    assert {path for path in project.rglob("*") if path.is_dir()} == directories
    return captured.err


def generated(output: str = OUTPUT) -> dict[str, Any]:
    return tomllib.loads(Path(output).read_text())


# the whole way


def test_demonstration_gives_thirteen_programs_in_three_groups(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([str(DEMONSTRATION)])

    captured = capsys.readouterr()
    assert code == 0
    assert captured.out == (
        "supervisord.toml: 13 programs in 3 groups; start them with: trio-supervisor up\n"
    )
    assert captured.err == ""
    assert (project / ".logs").is_dir()


def test_demonstration_is_found_beside_the_caller_and_named_from_there(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "conf").mkdir()
    (project / "conf" / "dev-env.toml").write_bytes(DEMONSTRATION.read_bytes())

    assert main(["--port-base", "8100"]) == 0
    assert generated()["supervisord"]["environment"]["FIRST_ADDRESS"] == "127.0.0.1:8100"
    command = generated()["program"]["kloud"]["command"]
    assert command == [sys.executable, "%(here)s/conf/dev-env/kloud.py"]


def test_answers_fill_the_template_and_the_table_is_gone(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["web.toml", "--owner", "ada", "--size=3", "--keep", "no"]) == 0
    document = generated()

    assert document["program"]["web"] == {
        "command": "serve --port 8000 --keep false",
        "numprocs": 3,
        "process_name": "%(program_name)s_%(process_num)d",
        "startsecs": 0.5,
        "autostart": False,
        "stdout_logfile": "logs/ada/%(program_name)s.log",
        "stderr_logfile": "logs/%(process_num)d/err.log",
    }
    assert "configure" not in document
    assert "3 programs in 1 group" in capsys.readouterr().out


def test_directories_of_all_logs_are_made(project: Path) -> None:
    main(["web.toml", "--owner", "ada"])

    made = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_dir()}
    assert made == {"logs", "logs/daemon", "logs/ada", "logs/0", "logs/1"}


def test_directories_of_logs_may_depend_on_the_group(project: Path) -> None:
    Path("web.toml").write_text(
        '[configure.n]\ndefault = 1\n[supervisord]\nchildlogdir = "auto"\n'
        '[group.front]\nprograms = "web, api"\n'
        '[program.web]\ncommand = "true"\nstdout_logfile = "%(group_name)s/web.log"\n'
        '[program.api]\ncommand = "true"\nstdout_logfile = "NONE"\n'
    )

    assert main(["web.toml"]) == 0
    assert sorted(path.name for path in project.iterdir() if path.is_dir()) == ["auto", "front"]


def test_number_of_processes_that_is_none_is_told_by_the_judge(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("web.toml").write_text(TEMPLATE.replace('"%(configure_size)s"', '"some"'))

    told = refusal(capsys, project, "web.toml", "--owner", "ada")

    assert "program.web.numprocs: " in told


def test_second_run_writes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["web.toml", "--owner", "ada"])
    before = Path(OUTPUT).stat()
    capsys.readouterr()

    assert main(["web.toml", "--owner", "ada"]) == 0
    assert capsys.readouterr().out == (
        "supervisord.toml: 2 programs in 1 group, unchanged; start them with: trio-supervisor up\n"
    )
    assert (Path(OUTPUT).stat().st_ino, Path(OUTPUT).stat().st_mtime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
    )


def test_first_comment_says_how_the_file_was_made(project: Path) -> None:
    main(["--port", "9000", "web.toml", "--owner", "ada & grace\n", "-o", "made.toml"])

    assert Path("made.toml").read_text().splitlines()[0] == (
        "# Made by: trio-supervisor configure web.toml --port=9000 "
        "'--owner=ada & grace\\n' -o made.toml"
    )


def test_other_output_is_named_in_the_hint(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["web.toml", "--owner=ada", "-omade.toml"])

    assert capsys.readouterr().out.endswith("start them with: trio-supervisor up -c made.toml\n")


def test_no_draft_is_left(project: Path) -> None:
    main(["web.toml", "--owner", "ada"])

    assert sorted(path.name for path in project.iterdir()) == ["logs", OUTPUT, "web.toml"]


def test_help_lists_each_variable(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["web.toml", "--help"]) == 0

    told = capsys.readouterr().out
    assert "  --owner STRING\n      who is called at night; has to be answered\n" in told
    assert "  --port INTEGER\n      where it listens; default: 8000\n" in told
    assert "  --size INTEGER\n      one of 1, 2, 3; default: 2\n" in told
    assert "  --keep BOOLEAN\n      default: true\n" in told


def test_help_without_a_template_tells_the_rest(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-h"]) == 0
    assert capsys.readouterr().out.startswith("usage: trio-supervisor configure [TEMPLATE]")


# what is refused, each with the remedy

REFUSALS = [
    (["web.toml"], "owner: no answer and no default (give --owner VALUE)"),
    ([], "no template was named and there is no conf/dev-env.toml in"),
    (["web.toml", "--prot", "1"], "--prot is no variable of web.toml (did you mean --port?)"),
    (
        ["web.toml", "--zzz", "1"],
        "--zzz is no variable of web.toml (it has --owner, --port, --size, --share, --keep)",
    ),
    (["web.toml", "--port", "many"], "--port: 'many' is not an integer (example: 10)"),
    (["web.toml", "--share", "inf"], "--share: 'inf' is not a number (example: 0.5)"),
    (["web.toml", "--keep", "so"], "--keep: 'so' is not a boolean (write true or false)"),
    (["web.toml", "--size", "7"], "--size: '7' is none of 1, 2, 3"),
    (["web.toml", "--owner", "\udc80"], "--owner: '\\udc80' is not UTF-8"),
    (["web.toml", "--port"], "--port needs a value"),
    (["web.toml", "--owner", "--port", "1"], "--owner needs a value"),
    (["web.toml", "-o"], "-o needs a value"),
    (["web.toml", "--output="], "--output needs the name of a file"),
    (["web.toml", "-x"], "-x is no option (flags look like --port_base 8000)"),
    (["web.toml", "--", "-x.toml"], "one template at a time, not 2: web.toml -x.toml"),
    (["web.toml", "-o", "web.toml"], "web.toml is the template itself"),
    (["web.toml", "--owner", "a", "-o", "no/x.toml"], "no/x.toml cannot be written: No such file"),
    (["web.toml", "--owner", "a", "-o", "."], ". cannot be written: Is a directory"),
    (["absent.toml"], "absent.toml: cannot be read: No such file or directory"),
    (["plain.toml"], "plain.toml: has no [configure.NAME] table"),
    (["broken.toml"], "broken.toml:1: '[program:web]' is not TOML"),
    (["binary.toml"], "binary.toml: is not UTF-8 text (save the file as UTF-8)"),
]


@pytest.mark.parametrize(("arguments", "told"), REFUSALS, ids=[told for _, told in REFUSALS])
def test_refused(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    Path("plain.toml").write_text('[program.web]\ncommand = "true"\n')
    Path("broken.toml").write_text("[program:web]\ncommand=true\n")
    Path("binary.toml").write_bytes(b"\xff\xfe")

    lines = refusal(capsys, project, *arguments)

    assert told in lines
    assert lines.count("\n") == 1


def test_all_wrong_flags_are_told_at_once(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refusal(capsys, project, "web.toml", "--port", "x", "--zzz", "1", "--size", "9")

    assert [line.split(":")[1].split()[0] for line in told.splitlines()] == [
        "--port",
        "--zzz",
        "--size",
    ]


def test_problem_of_the_result_is_placed_in_the_template(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("web.toml").write_text(TEMPLATE + 'umask = "9"\n')

    told = refusal(capsys, project, "web.toml", "--owner", "ada")

    line = TEMPLATE.count("\n") + 1
    assert told.startswith(f"web.toml:{line}: program.web.umask: ")


def test_unknown_variable_is_placed_with_a_suggestion(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("web.toml").write_text(TEMPLATE + 'directory = "/srv/%(configure_onwer)s"\n')

    assert refusal(capsys, project, "web.toml", "--owner", "ada") == (
        f"web.toml:{TEMPLATE.count(chr(10)) + 1}: program.web.directory: there is no "
        "[configure.onwer] for %(configure_onwer)s (did you mean %(configure_owner)s?)\n"
    )


def test_logs_that_cannot_be_made_are_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("logs").write_text("a file")

    told = refusal(capsys, project, "web.toml", "--owner", "ada")

    assert f"{project}/logs cannot be made for the logs: File exists" in told


BAD_TABLES = [
    ("a-b", {"default": 1}, "'a-b' is no name"),
    ("help", {"default": 1}, "'help' is a flag of configure itself"),
    ("x", 3, "3 is no table"),
    ("x", {"defualt": 1}, "'defualt' is not known (a variable has default, help, choices, type)"),
    ("x", {"choices": "a"}, "choices: 'a' is no list"),
    ("x", {"type": "number"}, "type: 'number' is none of string, integer, float, boolean"),
    ("x", {"type": ["integer"]}, "type: ['integer'] is none of string, integer, float, boolean"),
    ("x", {"type": "integer", "default": "1"}, "'1' is no integer"),
    ("x", {"type": "integer", "default": True}, "True is no integer"),
    ("x", {"choices": ["a", 1]}, "1 is no string"),
    ("x", {"choices": ["a", "b"], "default": "c"}, "default: 'c' is none of a, b"),
]


@pytest.mark.parametrize(("name", "table", "told"), BAD_TABLES, ids=[t for _, _, t in BAD_TABLES])
def test_wrong_variable_is_told(name: str, table: object, told: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(told)}"):
        variable(name, table)


def test_wrong_variables_of_a_template_are_told_with_their_lines(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("web.toml").write_text('[configure.a]\ntype = "x"\n[configure.b]\nsize = 1\n')

    told = refusal(capsys, project, "web.toml").splitlines()

    assert [line.split(": ")[:2] for line in told] == [
        ["web.toml:1", "configure.a"],
        ["web.toml:3", "configure.b"],
    ]


# questions

ON_ITS_TERMINAL = """
import fcntl, sys, termios
from trio_supervisor.cli.configure import main
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches it
sys.exit(main(sys.argv[1:]))
"""


def run_on_a_terminal(project: Path, typed: bytes, *arguments: str) -> tuple[int, str]:
    """Type at the questions; give the exit code and all that the terminal showed."""
    ours, theirs = os.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", ON_ITS_TERMINAL, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    with child:
        shown = read_terminal(ours, b": ")
        os.write(ours, typed)
        shown += read_terminal(ours, None)
    os.close(ours)
    return child.returncode, shown.decode().replace("\r\n", "\n")


def read_terminal(terminal: int, words: bytes | None) -> bytes:
    """Read until some words were shown, or to the end."""
    shown = b""
    while words is None or words not in shown:
        try:
            shown += os.read(terminal, 1024)
        except OSError:  # EIO: the other side was closed
            break
    return shown


def test_variable_without_default_is_asked_for_until_the_answer_fits(project: Path) -> None:
    Path("ask.toml").write_text(
        '[configure.size]\nchoices = [1, 2]\nhelp = "how many"\n'
        '[program.web]\ncommand = "true"\nnumprocs = "%(configure_size)s"\n'
        'process_name = "%(process_num)d"\n'
    )

    code, shown = run_on_a_terminal(project, b"\n7\n2\n", "ask.toml")

    assert code == 0, shown
    assert shown.count("size (how many; one of 1, 2): ") == 3
    assert "'7' is none of 1, 2\n" in shown
    assert "supervisord.toml: 2 programs in 1 group" in shown
    assert (
        (project / OUTPUT)
        .read_text()
        .startswith("# Made by: trio-supervisor configure ask.toml --size=2\n")
    )


def test_end_of_input_at_a_question_writes_nothing(project: Path) -> None:
    code, shown = run_on_a_terminal(project, b"\x04", "web.toml")

    assert code == 2
    assert "owner: no answer and no default (give --owner VALUE)\n" in shown
    assert not (project / OUTPUT).exists()


def test_interrupt_at_a_question_writes_nothing(project: Path) -> None:
    code, shown = run_on_a_terminal(project, b"\x03", "web.toml")

    assert code == 130
    assert "interrupted, nothing was written\n" in shown
    assert "Traceback" not in shown
    assert not (project / OUTPUT).exists()


# the pure parts


def filled(value: object, **answers: str | float) -> object:
    return Template("t.toml", {"x": value}, (), {}).fill(answers)["x"]


@pytest.mark.parametrize("value", [7, 0.5, True, "text"])
def test_value_that_is_one_variable_takes_its_type(value: str | float) -> None:
    result = filled("%(configure_a)s", a=value)

    assert result == value
    assert type(result) is type(value)


@given(st.integers() | st.booleans() | st.text())
def test_value_within_text_is_its_flag_form(value: str | int | bool) -> None:
    assert filled("<%(configure_a)s>", a=value) == f"<{as_text(value)}>"


def test_values_are_filled_however_deep_they_stand() -> None:
    assert filled({"l": ["%(configure_a)s", {"k": "%(configure_a)s"}]}, a=1) == {"l": [1, {"k": 1}]}


@pytest.mark.parametrize("text", ["%(here)s", "%%(configure_a)s", "100%", "%(program_name)s"])
def test_everything_else_is_left_to_the_daemon(text: str) -> None:
    assert filled(text, a=1) == text


def test_fill_names_every_unknown_variable() -> None:
    with pytest.raises(ConfigError) as caught:
        filled(["%(configure_b)s", "x%(configure_c)s"])

    assert [problem.text.split("]")[0] for problem in caught.value.problems] == [
        "there is no [configure.b",
        "there is no [configure.c",
    ]


@pytest.mark.parametrize(
    ("template", "output", "named"),
    [
        ("/p/conf/t.toml", "/p/s.toml", "%(here)s/conf"),
        ("/p/t.toml", "/p/s.toml", "%(here)s"),
        ("/p/a%b/t.toml", "/p/s.toml", "%(here)s/a%%b"),
        ("/q%/t.toml", "/p/s.toml", "/q%%"),
        ("/p/..conf/t.toml", "/p/s.toml", "%(here)s/..conf"),
    ],
)
def test_directory_of_the_template_is_named_from_the_output(
    template: str, output: str, named: str
) -> None:
    assert directory_from(template, output) == named


def test_last_answer_of_a_flag_wins(project: Path) -> None:
    main(["web.toml", "--owner", "ada", "--port=1", "--port", "2"])

    assert "--port 2 " in generated()["program"]["web"]["command"]


@given(st.text(min_size=1).filter(lambda text: not text.startswith("--")))
def test_both_spellings_of_a_flag_mean_the_same(value: str) -> None:
    assert parse([f"--a={value}"]) == parse(["--a", value])


@given(st.lists(st.text()))
def test_no_command_line_breaks_the_parser(arguments: list[str]) -> None:
    with contextlib.suppress(SupervisorError):
        parse(arguments)


def test_described_variable_without_any_words_has_its_default() -> None:
    silent = Variable("a", "string", "", (), "x")

    assert described(silent) == "  --a STRING\n      default: x\n"


def test_demonstration_is_documented_with_its_variables() -> None:
    asked = tomllib.loads(DEMONSTRATION.read_text())["configure"]
    page = (ROOT / "docs" / "configure.md").read_text()

    assert all(f"\n| `{name}` | " in page for name in asked)


def test_example_of_the_documentation_is_a_template_that_works(project: Path) -> None:
    page = (ROOT / "docs" / "configure.md").read_text()
    Path("web.toml").write_text(page.split("```toml\n")[1].split("```")[0])

    assert main(["web.toml", "--owner", "ada"]) == 0
    assert generated()["program"]["web"]["command"][1:] == [
        "%(here)s/web.py",
        "--mode=development",
    ]
