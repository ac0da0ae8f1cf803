"""Finding the configuration, and the daemon that runs it."""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest

from trio_supervisor.errors import ConfigError, SupervisorError
from trio_supervisor.source import address, read
from trio_supervisor.source.address import Address, address_of
from trio_supervisor.source.search import candidates, find_configuration, shadowed

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "trio-supervisor"


def test_the_places_are_those_of_the_original_with_toml_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert candidates("/opt/env/bin/supervisord") == (
        "/opt/env/etc/supervisord.toml",
        "/opt/env/etc/supervisord.conf",
        "/opt/env/supervisord.toml",
        "/opt/env/supervisord.conf",
        f"{tmp_path}/supervisord.toml",
        f"{tmp_path}/supervisord.conf",
        f"{tmp_path}/etc/supervisord.toml",
        f"{tmp_path}/etc/supervisord.conf",
        "/etc/supervisord.toml",
        "/etc/supervisord.conf",
        "/etc/supervisor/supervisord.toml",
        "/etc/supervisor/supervisord.conf",
        f"{tmp_path}/Procfile",
    )


def test_a_toml_file_hides_the_conf_file_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "supervisord.conf").touch()
    (tmp_path / "supervisord.toml").touch()

    found = find_configuration(None, "/opt/env/bin/supervisord")

    assert found == f"{tmp_path}/supervisord.toml"
    assert shadowed(found) == f"{tmp_path}/supervisord.conf"


def test_a_conf_file_hides_nothing(tmp_path: Path) -> None:
    assert shadowed(f"{tmp_path}/supervisord.conf") is None


def test_a_given_file_becomes_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.conf").touch()

    assert find_configuration("c.conf", "x") == f"{tmp_path}/c.conf"


def test_a_missing_file_is_named_in_the_words_of_the_original() -> None:
    with pytest.raises(ConfigError) as caught:
        find_configuration("/nowhere/x.conf", "x")

    assert str(caught.value) == "could not find config file /nowhere/x.conf"


def test_a_directory_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        find_configuration(str(tmp_path), "x")

    assert str(caught.value) == f"could not read config file {tmp_path}"


def test_the_runtime_directory_is_private_and_made_once(runtime: Path) -> None:
    assert address.ensure_runtime_directory() == address.ensure_runtime_directory() == str(runtime)
    assert runtime.stat().st_mode & 0o777 == 0o700


def test_without_a_session_the_directory_is_a_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    assert address.runtime_directory() == f"{tmp_path}/trio-supervisor-{os.getuid()}"


def test_a_runtime_directory_that_others_can_enter_is_refused(runtime: Path) -> None:
    runtime.mkdir()
    runtime.chmod(0o755)

    with pytest.raises(SupervisorError, match="chmod 700"):
        address.ensure_runtime_directory()


def test_a_link_in_place_of_the_runtime_directory_is_refused(runtime: Path, tmp_path: Path) -> None:
    runtime.symlink_to(tmp_path)

    with pytest.raises(SupervisorError, match="is not a directory"):
        address.ensure_runtime_directory()


def test_a_parent_that_does_not_exist_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere/at/all")

    with pytest.raises(SupervisorError, match="set XDG_RUNTIME_DIR"):
        address.ensure_runtime_directory()


def test_a_configuration_has_one_identity_by_every_path(tmp_path: Path) -> None:
    (tmp_path / "c.conf").touch()
    (tmp_path / "link.conf").symlink_to(tmp_path / "c.conf")

    assert address.identity(f"{tmp_path}/link.conf") == address.identity(f"{tmp_path}/c.conf")
    assert address.identity(f"{tmp_path}/c.conf") != address.identity(f"{tmp_path}/d.conf")


def test_lock_address_and_socket_lie_side_by_side(runtime: Path) -> None:
    name = address.identity("/x.conf")

    assert address.lock_path("/x.conf") == f"{runtime}/{name}.lock"
    assert address.address_path("/x.conf") == f"{runtime}/{name}.address"
    assert address.default_socket_path("/x.conf") == f"{runtime}/{name}.sock"


def test_an_address_survives_the_round_trip_and_is_private(tmp_path: Path) -> None:
    given = Address("unix:///x y", "me", "s3cret", "prompt", "/h")
    path = str(tmp_path / "a")

    address.write_address(path, given)

    assert address.read_address(path) == given
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert "s3cret" not in repr(given)


def test_an_address_with_a_line_break_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SupervisorError, match="line break"):
        address.write_address(str(tmp_path / "a"), Address("unix:///x\ny"))


@pytest.mark.parametrize("content", [b"", b"unix:///x\n", b"\xff\n\n\n\n\n"])
def test_what_is_no_address_is_none(tmp_path: Path, content: Any) -> None:
    (tmp_path / "a").write_bytes(content)

    assert address.read_address(str(tmp_path / "a")) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[supervisorctl]\nserverurl=http://h:1\nusername=u\npassword=p\n",
            Address("http://h:1", "u", "p"),
        ),
        (
            "[supervisorctl]\nprompt=p\n[unix_http_server]\nfile=/s\n",
            Address("unix:///s", prompt="p"),
        ),
        ("[unix_http_server]\nfile=s\n[supervisord]\ndirectory=/d\n", Address("unix:///d/s")),
        (
            "[supervisorctl]\nserverurl=unix://s\n[supervisord]\ndirectory=/d\n",
            Address("unix:///d/s"),
        ),
        ("[supervisorctl]\nserverurl=unix://~/s\n", Address("unix:///home/somebody/s")),
        ("[unix_http_server:b]\nfile=/s\nusername=u\npassword=p\n", Address("unix:///s", "u", "p")),
        ("[inet_http_server]\nport=9001\n", Address("http://localhost:9001")),
        ("[inet_http_server]\nport=[::1]:9001\n", Address("http://[::1]:9001")),
    ],
)
def test_the_address_is_the_clients_else_that_of_a_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, expected: Any
) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    (tmp_path / "c.conf").write_text(text)

    assert address_of(read(str(tmp_path / "c.conf"), {})) == expected


def test_without_a_server_the_address_is_in_the_runtime_directory(
    runtime: Path, tmp_path: Path
) -> None:
    (tmp_path / "c.conf").touch()

    found = address_of(read(str(tmp_path / "c.conf"), {}))

    assert found.serverurl == f"unix://{address.default_socket_path(f'{tmp_path}/c.conf')}"
    assert found.serverurl.startswith(f"unix://{runtime}/")


def test_the_socket_is_that_of_the_user_whom_the_daemon_becomes(
    runtime: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "/t")
    nobody = pwd.getpwnam("nobody").pw_uid
    directories = {
        "nobody": f"/t/trio-supervisor-{nobody}",
        str(nobody): f"/t/trio-supervisor-{nobody}",
        "no-such-user": str(runtime),
    }

    found = {}
    for user in directories:
        (tmp_path / "c.conf").write_text(f"[supervisord]\nuser={user}\n")
        url = address_of(read(str(tmp_path / "c.conf"), {})).serverurl
        found[user] = os.path.dirname(url.removeprefix("unix://"))

    assert found == directories
