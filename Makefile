# Everything a newcomer types. `make demo` and `make test` install what they need into this folder; nothing else is touched.

PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
export PYTHONDONTWRITEBYTECODE :=
export PYTHONPATH := $(CURDIR)

SCENARIO ?= book-fr
JSON     ?=
CALL     ?=
LANGUAGE ?= fr
ARGS     ?=

# of tests/telephony, whose whole takes half an hour: the server's settings, calls in and out, of Twilio's numbers too
LINE     := $(patsubst %,tests/telephony/test_%.py,compose_line inbound calls_out twilio_numbers no_credit who_left)

.DEFAULT_GOAL := help
.PHONY: help demo phone api talk test unit telephony programs bench load agent check lint lock db voices clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/ready node_modules/ready ## a caller rings, AVA answers and books (SCENARIO=name|all|list, JSON=file)
	@$(RUN) -m demo --scenario $(SCENARIO) $(if $(JSON),--json $(JSON)) $(ARGS)

api: $(VENV)/ready node_modules/ready ## the control plane: embedded, or on the Supabase project named in .env
	@$(RUN) -m demo.api

phone: $(VENV)/ready node_modules/ready ## a number to dial with any softphone; CALL=1 rings it itself
	@$(RUN) -m demo.phone $(if $(CALL),--call)  $(ARGS)

talk: $(VENV)/ready node_modules/ready ## the same agent, typed by you (LANGUAGE=fr|en|he, ARGS=--mic or --real)
	@$(RUN) -m demo talk --language $(LANGUAGE) $(ARGS)

test: programs unit ## unit, contract, database, api, calls, journeys, and calls in and out on the telephone line
	$(RUN) -m pytest tests/contract tests/database -n 2 $(ARGS)
	$(RUN) -m pytest tests/api -n 2 $(ARGS)
	$(RUN) -m pytest tests/calls tests/journeys -n 4 --dist loadfile $(ARGS)
	$(RUN) -m pytest $(LINE) $(ARGS)

unit: $(VENV)/ready node_modules/ready ## the tests without I/O, in seconds
	$(RUN) -m pytest tests/unit tests/architecture -n 2 $(ARGS)

telephony: $(VENV)/ready node_modules/ready ## all of the real telephone line, killed and replaced workers too (half an hour)
	@$(RUN) -m sandbox.programs chromium
	$(RUN) -m pytest tests/telephony $(ARGS)

programs: $(VENV)/ready ## what the telephone line needs: looks for it, builds LiveKit once, says what is missing
	@$(RUN) -m sandbox.programs

lint: $(VENV)/ready ## ruff, pyright strict, import contracts, Dockerfiles, compose.yaml
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/pyright
	$(VENV)/bin/lint-imports
	$(VENV)/bin/hadolint Dockerfile.agent Dockerfile.api
	$(VENV)/bin/check-jsonschema --builtin-schema vendor.compose-spec compose.yaml

bench: $(VENV)/ready node_modules/ready ## the numbers of the README, measured here
	$(RUN) -m bench.claims
	$(RUN) -m bench.turns $(ARGS)
	$(RUN) -m bench.api $(ARGS)

load: $(VENV)/ready node_modules/ready ## how many calls a worker carries here, over SIP (a quarter of an hour)
	$(RUN) -m bench.calls $(ARGS)

agent: $(VENV)/ready ## the production worker against LiveKit, with keys from .env
	@$(RUN) -m agent start $(ARGS)

check: $(VENV)/ready ## are the settings in .env complete?
	@$(RUN) -m agent check

db: $(VENV)/ready node_modules/ready ## the embedded database by itself; prints its addresses
	@$(RUN) -m sandbox.database

voices: $(VENV)/ready ## makes the callers' recordings and the fallback clips anew
	$(RUN) scripts/make_caller_voices.py
	$(RUN) scripts/make_fallback_clips.py

lock: $(VENV)/ready ## writes requirements.lock anew from pyproject.toml
	$(VENV)/bin/uv pip compile -q --universal --generate-hashes --no-emit-index-url --no-header --all-extras \
		pyproject.toml -o requirements.lock

clean: ## removes what was installed and made here
	rm -rf $(VENV) node_modules .ava .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/ready: requirements.lock
	@command -v $(PYTHON) >/dev/null || { echo "AVA needs Python 3.11 or 3.12: install it, or name it with make PYTHON=…"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
		|| { echo "AVA needs Python 3.11 or 3.12; this is $$($(PYTHON) --version). Name another with make PYTHON=…"; exit 1; }
	@echo "installing Python packages into $(VENV) (once, about a minute)…"
	@$(PYTHON) -m venv $(VENV) \
		|| { echo "python's venv module is missing: install it (Debian: apt-get install python3-venv)"; exit 1; }
	@$(VENV)/bin/pip install -q --disable-pip-version-check uv==0.13.8
	@$(VENV)/bin/uv pip install -q --python $(RUN) --compile-bytecode --require-hashes -r requirements.lock
	@touch $@

node_modules/ready: package-lock.json
	@mkdir -p node_modules
	@if command -v npm >/dev/null; then echo "installing what npm brings (once)…"; npm ci --ignore-scripts --no-audit --no-fund --silent; \
	elif command -v postgrest >/dev/null; then echo "PostgREST: the one on PATH. Without npm the page /try makes no calls"; \
	else echo "AVA's demo needs PostgREST: put it on PATH, or install Node.js so that npm can bring it"; exit 1; fi
	@touch $@
