"""A guard that never goes red guards nothing."""

from __future__ import annotations

import pytest

from tests.bite.run import PATCHES, bite_all, main, read


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_guard_goes_red_over_the_patch_made_for_it(prometheus: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0, capsys.readouterr().out


def test_a_guard_that_sleeps_is_told_from_one_that_bites() -> None:
    """A harmless file under a guard that is green: the verdict must not be `red`."""
    harmless = read(PATCHES / "swallowed-error.patch")
    kept = harmless.diff.replace("except Exception:", "except ImportError:").replace("json = None", "raise")
    assert not bite_all([type(harmless)("harmless", "", harmless.guard, harmless.expects, kept)])[0].bit
