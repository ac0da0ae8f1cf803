"""What is suggested for a short name that names nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from trio_supervisor.daemon.targets import did_you_mean, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trio_supervisor.daemon.group import Group

GROUPS = cast(
    "Mapping[str, Group]",
    {
        "web": SimpleNamespace(name="web", programs={"page": 1, "mail": 1}),
        "api": SimpleNamespace(name="api", programs={"mail": 1}),
    },
)


@pytest.mark.parametrize(
    ("word", "suggestion"),
    [
        ("page", "did you mean web:page?"),
        ("mail", "did you mean api:mail or web:mail?"),
        ("web", "did you mean web:*?"),
        ("nosuch", ""),
        ("api:page", ""),
        ("nosuch:*", ""),
    ],
)
def test_a_short_name_is_completed(word: str, suggestion: str) -> None:
    (target,) = resolve(GROUPS, [word])

    assert did_you_mean(GROUPS, target) == suggestion
