# Everything runs in .venv, which is made when it is missing and again when pyproject.toml or the locked versions change.

.PHONY: .venv demo test test-cluster lint types docs schema lock audit
.venv: .venv/complete

.venv/complete: pyproject.toml requirements.lock
	@for python in python3.12 python3.11 python3.13 python3; do \
	  if $$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; \
	  then set -x; exec $$python -m venv .venv; fi; \
	done; echo 'Triptych needs Python 3.11, 3.12 or 3.13 with its venv module (on Debian: python3-venv).' >&2; exit 1
	.venv/bin/python -m pip install --quiet uv
	.venv/bin/uv pip install --python .venv/bin/python --constraint requirements.lock --editable '.[dev,demo]'
	touch $@

# The newest versions of everything that pyproject.toml allows, for every Python and platform.
lock: .venv
	.venv/bin/uv pip compile pyproject.toml --all-extras --universal --upgrade --quiet \
	  --no-header --no-annotate --no-emit-index-url --output-file requirements.lock

demo: .venv
	.venv/bin/triptych demo

test: .venv
	.venv/bin/python -m pytest -n 2

# Faults of real clusters; SLURM and hosts as network namespaces where Debian's packages and root are there.
test-cluster: .venv
	.venv/bin/python -m pytest -m cluster tests/cluster

lint: .venv
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: .venv
	.venv/bin/mypy triptych tests benchmarks

schema: .venv
	for file in run train mix; do \
	  .venv/bin/triptych schema $$file >docs/reference/$$file.schema.json.new && \
	  mv docs/reference/$$file.schema.json.new docs/reference/$$file.schema.json || exit 1; \
	done

# The documentation site, under build/site; no network is needed. The API reference is read from a copy of the package in
# which every folder has an `__init__.py`, because the tool that reads docstrings skips folders without one.
docs: .venv
	rm -rf build/api && mkdir -p build/api
	cp -rL triptych build/api/
	find build/api/triptych -type d -exec touch '{}/__init__.py' ';'
	.venv/bin/mkdocs build --strict

# Known vulnerabilities of the locked dependencies; asks the Python Package Index.
audit: .venv
	.venv/bin/uv tool run pip-audit --requirement requirements.lock --no-deps --disable-pip
