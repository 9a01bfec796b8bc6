#!/usr/bin/env bash
# Resolve every distribution for Python 3.11+ on any platform and pin it by hash; no index host is written down.
# A pin stays until `--upgrade` is given; a second run changes no byte.
set -euo pipefail
cd "$(dirname "$0")/.."
uv="${UV:-.venv/bin/uv}"
compile() {
  "$uv" pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
    --no-header --no-annotate --no-emit-package baton-shared "$@"
}
compile "$@" shared/pyproject.toml services/*/pyproject.toml --group pyproject.toml:dev -o requirements/all.txt
# What setup and the images need before anything of ours can be built.
compile --group pyproject.toml:build -c requirements/all.txt -o requirements/build.txt
# What `make audit-dependencies` needs, and nobody else.
compile --group pyproject.toml:audit -c requirements/all.txt -o requirements/audit.txt
# What `make run` needs: the five services, no tools.
compile shared/pyproject.toml services/*/pyproject.toml -c requirements/all.txt -o requirements/run.txt
# What sends traces, for who asks for them (docs/tracing.md).
compile --extra traces shared/pyproject.toml -c requirements/all.txt -o requirements/traces.txt
for service in services/*/; do
  name="$(basename "$service")"
  compile shared/pyproject.toml "$service/pyproject.toml" -c requirements/all.txt -o "requirements/$name.txt"
done
