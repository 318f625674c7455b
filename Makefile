# Everything a newcomer needs: make run, make test, make demo. No root, no server, no Docker.
.DEFAULT_GOAL := help
SHELL := /bin/sh

# uv from the PATH, else our own copy under .tools/ (made by the rule below).
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)

# Many tests start processes; each would compile our sources anew where somebody has switched bytecode off.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help install run demo test check types rules locked audit format proto chart bench bench-http bench-growth bench-footprint bench-ledger bench-boot test-faults
help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

.tools/bin/uv:
	@echo "uv is not on the PATH: installing it into .tools/"
	@sh scripts/install-uv .tools

install: $(filter .tools/%,$(UV)) ## install the workspace into .venv
	@$(UV) sync --all-packages --compile-bytecode --quiet
	@# Our own, too: where PYTHONDONTWRITEBYTECODE is set, every start would compile them anew, for half a second.
	@$(UV) run --no-sync python -m compileall -q core/src host/src contexts/*/src

run: install ## start the host: API and worker in one process, PostgreSQL brought along (PORT=8123 to move it)
	@exec $(UV) run --no-sync hedgerow dev $(if $(PORT),--port $(PORT))

demo: install ## play the story over HTTP on a host of its own: register, invoice, paid by the worker
	@$(UV) run --no-sync python -m tests.demo

test: ## lint, types, boundaries, then every test
	@$(MAKE) --no-print-directory check BESIDE=tests/__pycache__
	@$(UV) run --no-sync pytest -n 4 --dist loadfile --no-loadscope-reorder

test-faults: install ## the long fault experiments, about an hour (ONLY=file for some); writes docs/evidence/faults.md and money.md
	@FAULTS_TIER=long $(UV) run --no-sync pytest $(or $(ONLY),tests/faults tests/extraction)

check: locked install ## lock, ruff, mypy, import-linter, hedgerow check
	@$(MAKE) --no-print-directory --jobs=2 types rules $(BESIDE)

types:
	@$(UV) run --no-sync mypy

rules:
	@$(UV) run --no-sync ruff format --check .
	@$(UV) run --no-sync ruff check .
	@for walls in importlinter.ini contexts/*/importlinter.ini; do \
		if [ -f $$walls ]; then $(UV) run --no-sync lint-imports --config $$walls --no-logo || exit 1; fi; done
	@for hosted in "" users,billing,webhooks; do \
		found=$$(HEDGEROW_ENV=dev HEDGEROW_CONTEXTS=$$hosted $(UV) run --no-sync hedgerow check --no-database) || { echo "$$found"; exit 1; }; done

# In a clean clone: pytest rewrites and compiles every test here, beside mypy, and not in each of its processes.
tests/__pycache__:
	@$(UV) run --no-sync pytest --collect-only -qq >/dev/null || true # what is wrong is told when the tests run

locked: $(filter .tools/%,$(UV))
	@$(UV) lock --check --quiet || { echo "uv.lock lags behind a pyproject.toml: run make install, and commit it"; exit 1; }

audit: $(filter .tools/%,$(UV)) ## hold what is locked against known advisories (asks osv.dev)
	@$(UV) audit --locked

format: install ## let ruff put the code in shape
	@$(UV) run --no-sync ruff check --fix .
	@$(UV) run --no-sync ruff format .

proto: install ## generate what contexts say over gRPC from their .proto files
	@$(UV) run --no-sync python -m scripts.generate_proto

chart: install ## have Helm render the chart for its tests, after a change of it (needs helm)
	@$(UV) run --no-sync python -m tests.deployment.chart

bench: ## every benchmark, side by side, in one go: an hour or so (QUICK=1 for a rough look); exit 1 if a floor is missed
	@failed=0; for each in bench-http bench-growth bench-footprint bench-ledger bench-boot; do \
		$(MAKE) --no-print-directory $$each || failed=1; done; exit $$failed

bench-http: install ## requests a second beside bare FastAPI with ORM, Core and asyncpg (ROW=me for one); JSON and a picture in bench/
	@mkdir -p bench
	@$(UV) run --no-sync python -m benchmarks.http $(if $(ROW),--only $(ROW)) $(if $(QUICK),--rounds 2 --seconds 1.5) \
		--json bench/http.json --plot bench/http.svg

bench-growth: install ## the ledger's statements and their plans with 10,000 rows and 1,000,000 (SIZES="10000 10000000")
	@$(UV) run --no-sync python -m benchmarks.growth --sizes $(or $(SIZES),$(if $(QUICK),10000 100000,10000 1000000))

bench-footprint: install ## cold start, memory, and what 50 contexts cost a request
	@$(UV) run --no-sync python -m benchmarks.footprint $(if $(QUICK),--rounds 2 --seconds 1.5)

bench-ledger: install ## the ledger beside its yardsticks, with 1 to 4 workers, and idle; exit 1 if a floor is missed (QUICK=1 for a rough look)
	@failed=0; $(UV) run --no-sync python -m benchmarks.ledger $(if $(QUICK),--quick) || failed=1; \
		$(UV) run --no-sync python -m benchmarks.scaling $(if $(QUICK),--rounds 1 --processes 1 4) || failed=1; \
		$(UV) run --no-sync python -m benchmarks.idle $(if $(QUICK),--rounds 1) || failed=1; exit $$failed

bench-boot: install ## measure boots of few and many contexts, --help and a new context, exit 1 if a limit is missed
	@$(UV) run --no-sync python -m benchmarks.boot
