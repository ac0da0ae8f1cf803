"""supervisord.conf files after the patterns of real deployments: both load them to equal values.

The comparison runs only when asked to: `make soak`. DIFFERENT and REFUSED have the intended
differences, each of them in docs/compatibility.md.
"""

from __future__ import annotations

import os
import pwd
from typing import TYPE_CHECKING

import pytest
from loading import DEPLOYMENTS, Deployment

from benchmarks.peers import peers_bin

if TYPE_CHECKING:
    from pathlib import Path

NAMES = sorted(path.name for path in DEPLOYMENTS.iterdir())
USERS = {"root", "daemon", "nobody", "www-data"}
LISTENERS = "event_listeners.conf"
SLOTS = "exit-on-fatal:exit-on-fatal_0", "exit-on-fatal:exit-on-fatal_1"
DIFFERENT: dict[tuple[str, str], str | int] = {
    **{(LISTENERS, f"{name}.buffer_size"): 1000 for name in ("crashmail:crashmail", *SLOTS)},
    **{(LISTENERS, f"{name}:{name}.priority"): -1 for name in ("crashmail", "memmon")},
    ("default_section.conf", "supervisord.pidfile"): "ROOT/srv/default/supervisord.pid",
    ("home_directory.conf", "bot:bot.directory"): "ROOT/home/bot",
    ("percent_signs.conf", "uwsgi:uwsgi.stdout_logfile"): "ROOT/var/log/uwsgi/100%%.log",
    ("relative_with_directory.conf", "supervisord.logfile"): "ROOT/srv/base/main.log",
    ("relative_with_directory.conf", "supervisord.pidfile"): "ROOT/srv/base/supervisord.pid",
}
"""What we have instead, by deployment and key."""
QUOTED = "environment_quoting.conf", "quoted:quoted.environment"
"""A variable in it is cut at an escaped quote there, and whole here."""
REFUSED = {
    "byte_order_mark.conf": "Error: File contains no section headers.",
    "comma_in_programs.conf": "Error: [program:a] names unknown program or fcgi-program ",
}
"""What supervisor says of files that we load."""
REFUSED_HERE = {
    "open_port.conf": "ROOT/supervisord.conf:2: inet_http_server.port: listens on all addresses "
    "without a password, and who connects may run programs "
    "(add username and password, or listen on 127.0.0.1:9001 only)",
}
"""What we say of files that supervisor loads."""

pytestmark = pytest.mark.skipif(
    not {entry.pw_name for entry in pwd.getpwall()} >= USERS,
    reason=f"the deployments name users that not all are there: {', '.join(sorted(USERS))}",
)


@pytest.fixture(name="deployment", params=NAMES)
def open_deployment(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Deployment:
    """Give each deployment, with its home and its directory those of this process."""
    deployment = Deployment(request.param, tmp_path / "root")
    monkeypatch.setenv("HOME", deployment.environment["HOME"])
    monkeypatch.chdir(deployment.root)
    return deployment


def test_there_are_forty_deployments_and_more() -> None:
    assert len(NAMES) >= 40


def test_a_deployment_loads(deployment: Deployment) -> None:
    assert deployment.ours().get("refused") == REFUSED_HERE.get(deployment.name)


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("TRIO_SUPERVISOR_SOAK"), reason="needs supervisor from PyPI: make soak"
)
def test_a_deployment_has_the_values_that_supervisor_loads(deployment: Deployment) -> None:
    theirs, ours = deployment.theirs(peers_bin() / "python"), deployment.ours()

    if deployment.name in REFUSED:
        assert theirs == {"refused": REFUSED[deployment.name]}
        return
    if deployment.name in REFUSED_HERE:
        assert "refused" not in theirs
        return
    expected = {key: _intended(deployment, key, theirs[key]) for key in theirs.keys() & ours.keys()}
    assert {key: ours[key] for key in expected} == expected
    assert _processes(ours) == _processes(theirs)


def _intended(deployment: Deployment, key: str, theirs: object) -> object:
    """Return what is to be here where supervisor has something."""
    if (deployment.name, key) == QUOTED:
        assert isinstance(theirs, dict)
        assert theirs["E"] == 'say "hi'
        return {**theirs, "E": 'say "hi"'}
    different = DIFFERENT.get((deployment.name, key))
    if different is None:
        return theirs
    shown = different
    if isinstance(different, str):
        shown = different.replace("ROOT", str(deployment.root))
    assert shown != theirs, f"{key} is the same on both sides now"
    return shown


def _processes(values: dict[str, object]) -> set[str]:
    return {key for key in values if key.endswith(".command")}
