"""Limits of descriptors and processes: asked for, reserved, refused with the remedy."""

from __future__ import annotations

import resource
import shutil
from dataclasses import dataclass

import pytest
from daemon_fakes import configuration_of, group_of, spec_of

from trio_supervisor.daemon.limits import PER_PROCESS, RESERVE, DescriptorBudget, raise_limits
from trio_supervisor.errors import SupervisorError

NOFILE = resource.RLIMIT_NOFILE
NO_LIMIT = resource.RLIM_INFINITY


@dataclass
class Kernel:
    """Limits in the place of the kernel's; ``may_raise`` as root may."""

    soft: int
    hard: int
    may_raise: bool = False
    changes: int = 0

    def get(self, kind: int) -> tuple[int, int]:
        """Return the limits of a kind: for processes there are none."""
        return (self.soft, self.hard) if kind == NOFILE else (NO_LIMIT, NO_LIMIT)

    def set(self, kind: int, pair: tuple[int, int]) -> None:
        """Change the limits, as setrlimit(2) allows it."""
        assert kind == NOFILE
        if self.hard != NO_LIMIT and pair[1] > self.hard and not self.may_raise:
            raise ValueError("not allowed to raise maximum limit")
        self.soft, self.hard = pair
        self.changes += 1


def use(monkeypatch: pytest.MonkeyPatch, kernel: Kernel) -> Kernel:
    """Let the module meet these limits."""
    monkeypatch.setattr(resource, "getrlimit", kernel.get)
    monkeypatch.setattr(resource, "setrlimit", kernel.set)
    return kernel


def prefix_for(count: int) -> tuple[str, ...]:
    """Reserve descriptors for a number of processes; return what goes before every command."""
    budget = DescriptorBudget()
    programs = [spec_of(f"web{number}") for number in range(count)]
    budget.reserve(configuration_of(group_of("web", *programs)))
    return budget.prefix


@pytest.mark.parametrize("soft", [1024, 5000, NO_LIMIT])
def test_enough_is_left_alone(monkeypatch: pytest.MonkeyPatch, soft: int) -> None:
    kernel = use(monkeypatch, Kernel(soft, NO_LIMIT))

    raise_limits(1024, 200)

    assert kernel.changes == 0


def test_the_soft_limit_is_raised_and_it_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    kernel = use(monkeypatch, Kernel(256, 4096))

    raise_limits(1024, 200)

    assert (kernel.soft, kernel.hard) == (1024, 4096)
    assert caplog.messages == ["Increased RLIMIT_NOFILE limit to 1024"]


def test_root_raises_the_hard_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = use(monkeypatch, Kernel(256, 512, may_raise=True))

    raise_limits(1024, 200)

    assert (kernel.soft, kernel.hard) == (1024, 1024)


def test_what_may_not_be_raised_is_an_error_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(monkeypatch, Kernel(256, 512))

    with pytest.raises(SupervisorError) as problem:
        raise_limits(1024, 200)

    assert str(problem.value).startswith("minfds=1024 is more than this user may have")
    assert "lower minfds, or raise the limit" in str(problem.value)


def test_few_processes_need_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = use(monkeypatch, Kernel(1024, 4096))

    assert prefix_for(13) == ()
    assert kernel.changes == 0


def test_many_processes_are_started_with_the_limit_of_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = use(monkeypatch, Kernel(1024, NO_LIMIT))
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")

    prefix = prefix_for(1000)

    assert prefix == ("/usr/bin/prlimit", "--nofile=1024:", "--")
    assert kernel.soft == RESERVE + 1000 * PER_PROCESS


def test_without_prlimit_they_get_the_daemons_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Kernel(1024, NO_LIMIT))
    monkeypatch.setattr(shutil, "which", lambda name: None)

    assert prefix_for(1000) == ()


def test_too_many_processes_are_an_error_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Kernel(1024, 4096))

    with pytest.raises(SupervisorError, match="1000 processes need 6264 descriptors, and at most"):
        prefix_for(1000)
