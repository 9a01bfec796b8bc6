"""Every guard bites: each patch breaks one rule in a copy of the tree, and the guard it names must go red over it.

A patch begins with the rule it breaks, then `guard:` (which check to run) and `expects:` (what its complaint must
contain), then the diff. `python -m tests.bite.run [name …]`; exit code 1 when a guard slept.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.layout.tree import ROOT, files

PATCHES = Path(__file__).with_name("patches")
IMPORTS = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
WORKERS = 2


@dataclass(frozen=True)
class Patch:
    name: str
    rule: str
    guard: tuple[str, ...]
    expects: str
    diff: str


@dataclass(frozen=True)
class Verdict:
    patch: Patch
    bit: bool
    output: str


def read(path: Path) -> Patch:
    # No file of ours may hold a registry's host, not even a patch that puts one in.
    head, _, diff = path.read_text().replace("{dot}", ".").partition("\n\n")
    rule, guard, expects = head.split("\n")
    return Patch(path.stem, rule, tuple(guard.split()[1:]), expects.partition(": ")[2], diff)


def command(guard: tuple[str, ...], tree: Path) -> tuple[list[str], Path]:
    """What to run for a guard, and where."""
    base = getattr(sys, "_base_executable", sys.executable)
    ruff = [shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"]
    match guard:
        case ("imports",):
            return [base, "-c", IMPORTS, "--no-logo", "--no-cache"], tree
        case ("ruff", path):
            return [*ruff, "check", "--no-cache", "--output-format", "concise", path], tree
        case ("format", path):
            return [*ruff, "format", "--no-cache", "--check", path], tree
        case ("mypy", path):
            return [base, "-m", "mypy", "--follow-imports=skip", "--config-file", "pyproject.toml", path], tree
        case ("deptry", distribution):
            return [base, "-m", "deptry", "src"], tree / distribution
        case ("pytest", *arguments):
            return [base, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments], tree
    raise ValueError(f"no such guard: {guard}")


def environment(tree: Path) -> dict[str, str]:
    """Imports come from the copy: the base interpreter never reads the .pth files of our editable installs."""
    import importlib.metadata

    installed = Path(str(importlib.metadata.distribution("pytest").locate_file("")))
    sources = [tree, tree / "shared/src", *sorted(tree.glob("services/*/src")), installed]
    quiet = {"PYTHONDONTWRITEBYTECODE": "1", "BATON_TEST_REQUIRE": "", "NO_COLOR": "1", "COLUMNS": "200"}
    return {**os.environ, **quiet, "PYTHONPATH": os.pathsep.join(map(str, sources))}


def copy_tree(tree: Path) -> None:
    for path in files():
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target)


def bite(patch: Patch, tree: Path) -> Verdict:
    """Apply, run the guard, take back."""
    # GIT_CEILING keeps git from a repository above the temporary folder.
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)}
    for way in ((), ("--reverse",)):
        apply = ["git", "apply", "--recount", "--whitespace=nowarn", *way, "-"]
        done = subprocess.run(apply, cwd=tree, input=patch.diff, text=True, capture_output=True, env=env, check=False)
        if done.returncode:
            return Verdict(patch, False, f"the patch does not apply: {done.stderr}")
        if way:
            break
        arguments, where = command(patch.guard, tree)
        guard = subprocess.run(
            arguments,
            cwd=where,
            capture_output=True,
            text=True,
            env=environment(tree),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    output = guard.stdout + guard.stderr
    return Verdict(patch, guard.returncode != 0 and patch.expects in output, output)


def bite_all(patches: Sequence[Patch]) -> list[Verdict]:
    with tempfile.TemporaryDirectory(prefix="baton-bite-") as folder:
        trees = [Path(folder, str(number)) for number in range(WORKERS)]
        for tree in trees:
            copy_tree(tree)
        shares = [patches[number::WORKERS] for number in range(WORKERS)]
        with ThreadPoolExecutor(WORKERS) as pool:
            verdicts = [verdict for share in pool.map(bite_in_turn, shares, trees) for verdict in share]
    return sorted(verdicts, key=lambda verdict: verdict.patch.name)


def bite_in_turn(patches: Sequence[Patch], tree: Path) -> list[Verdict]:
    return [bite(patch, tree) for patch in patches]


def main(names: Sequence[str]) -> int:
    started = time.monotonic()
    patches = [read(path) for path in sorted(PATCHES.glob("*.patch")) if not names or path.stem in names]
    verdicts = bite_all(patches)
    for verdict in verdicts:
        print(f"{'red  ' if verdict.bit else 'SLEPT'}  {verdict.patch.name:32}  {verdict.patch.rule}")
    asleep = [verdict for verdict in verdicts if not verdict.bit]
    for verdict in asleep:
        print(f"\n--- {verdict.patch.name}: expected {verdict.patch.expects!r} of {' '.join(verdict.patch.guard)}")
        print(verdict.output[-2000:])
    print(f"\n{len(verdicts) - len(asleep)} of {len(verdicts)} guards bit, in {time.monotonic() - started:.0f} s")
    return 1 if asleep or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
