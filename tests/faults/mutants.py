"""Each mutant breaks one mechanism in a copy of the tree, and the harness or a directed test must go red over it.

`python -m tests.faults.mutants [name …]`; a patch says which in its head, as those of tests/bite do. Exit code 1 when a
mutant lived.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bite.run import Patch, command, copy_tree, environment, read

PATCHES = Path(__file__).with_name("patches")
RUN = {
    "BATON_FAULTS_SEED": "3",
    "BATON_FAULTS_SECONDS": "30",
    "BATON_FAULTS_LEADS": "900",
    "BATON_FAULTS_GAP": "1.6",
    "BATON_FAULTS_DRAIN": "40",
}
SHOWN = 12


def survives(patch: Patch, tree: Path) -> str:
    """Why the mutant lived; empty when it was found."""
    apply = ["git", "apply", "--recount", "--whitespace=nowarn", "-"]
    alone = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tree.parent)}
    done = subprocess.run(apply, cwd=tree, input=patch.diff, text=True, capture_output=True, env=alone, check=False)
    if done.returncode:
        return f"the patch does not apply: {done.stderr}"
    if patch.guard == ("faults",):
        arguments, where = [getattr(sys, "_base_executable", sys.executable), "-m", "tests.faults"], tree
    else:
        arguments, where = command(patch.guard, tree)
    found = subprocess.run(
        arguments, cwd=where, capture_output=True, text=True, env={**environment(tree), **RUN}, check=False
    )
    output = found.stdout + found.stderr
    print("\n".join(f"    {line[:160]}" for line in found.stdout.splitlines()[-SHOWN:]))
    return "" if found.returncode and patch.expects in output else f"expected {patch.expects!r}: {output[-1500:]}"


def main(names: Sequence[str]) -> int:
    lived = 0
    for path in sorted(PATCHES.glob("*.patch")):
        if names and path.stem not in names:
            continue
        patch, started = read(path), time.monotonic()
        with tempfile.TemporaryDirectory(prefix="baton-mutant-") as folder:
            tree = Path(folder, "tree")
            copy_tree(tree)
            why = survives(patch, tree)
        lived += bool(why)
        verdict = f"LIVED: {why}" if why else "found"
        print(f"{patch.name}: {patch.rule} {verdict} ({time.monotonic() - started:.0f} s)", flush=True)
    return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
