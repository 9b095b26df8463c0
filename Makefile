# Everything sets itself up in .venv, with the pinned versions of constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
RUN := .venv/.installed-run
DEV := .venv/.installed-dev
NOTEBOOKS := notebooks/how_robust_is_my_agent.ipynb
CODE := zsc populations evaluation tests benchmarks

.PHONY: demo test long ladder check format oracle fuzz people endurance mutants table rosters bench docs notebooks clean

demo: $(RUN)  ## train three kinds of pools and draw their cross-play (a few minutes)
	$(BIN)/zsc demo --out demo

test: $(DEV)  ## all tests but the long ones, and a notebook at a small size
	ZSC_SMALL=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --nbmake $(NOTEBOOKS) tests

long: $(DEV)  ## what `make test` leaves out: every method, several processes, kills, notebooks; half an hour
	$(BIN)/python -m pytest -n 2 --dist loadfile -m long tests
	ZSC_SMALL=1 $(BIN)/python -m pytest -n 2 --dist loadfile --nbmake notebooks

ladder: $(DEV)  ## the regression ladder, and what holds for every method; a quarter of an hour
	$(BIN)/python -m pytest -n 2 -m "long or not long" tests/populations

check: $(DEV)  ## lint, format, types; warnings are errors
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(DEV)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

oracle: $(DEV)  ## every game beside its reference engine, step by step; two hours
	$(BIN)/python -m tests.oracle --steps 200000 --seed 0
	$(BIN)/python -m tests.oracle --dynamics 2020 --steps 50000 --seed 0
	$(BIN)/python -m tests.oracle --dynamics 2020 --cooks 3 --steps 20000 --seed 0
	$(BIN)/python -m tests.oracle --dynamics 2019 --cooks 4 --steps 10000 --seed 0
	$(BIN)/python -m tests.kitchens_oracle --kitchens 1024 --steps 20 --seed 0
	$(BIN)/python -m tests.overcooked_v2_oracle --steps 138000 --seed 0
	$(BIN)/python -m tests.lbf_oracle --steps 20000 --seed 0
	$(BIN)/python -m tests.storm_oracle --steps 20000 --seed 0
	$(BIN)/python -m tests.smax_oracle --steps 6600 --seed 0
	$(BIN)/python -m tests.hanabi_oracle --games 2000 --seed 0

fuzz: $(DEV)  ## 5,000 altered files of every kind: each is read or refused with one line
	$(BIN)/python -m tests.fuzz --files 5000 --seed 0

people: $(DEV)  ## a whole study in real browsers, and one that is killed 20 times
	ZSC_BROWSER=1 $(BIN)/python -m pytest tests/web/test_browser.py tests/web/test_export_page.py tests/web/test_views.py
	$(BIN)/python -m tests.web.page_oracle --steps 20000
	$(BIN)/python -m tests.web.kills --times 20 --seed 0

endurance: $(DEV)  ## a training that is killed 50 times, compared with one that is not
	$(BIN)/python -m tests.endurance --kills 50 --seed 0

mutants: $(DEV)  ## small faults put into a copy of the code, and which of them no test sees; two hours
	$(BIN)/python -m benchmarks.mutants --mutants 300 --seed 0 --write

table: $(DEV)  ## ten self-play seeds on the five classic kitchens, all pairs, beside a published table
	$(BIN)/python -m benchmarks.classic

rosters: $(DEV)  ## make the held-out rosters that are not there yet
	$(BIN)/python -m benchmarks.rosters

bench: $(DEV)  ## the figures of benchmarks/RESULTS.md; hours
	$(BIN)/python -m benchmarks.pools
	$(BIN)/python -m benchmarks.gap
	$(BIN)/python -m benchmarks.overcooked_steps
	$(BIN)/python -m benchmarks.kitchens
	$(BIN)/python -m benchmarks.overcooked_v2_steps
	$(BIN)/python -m benchmarks.overcooked_v2
	$(BIN)/python -m benchmarks.hanabi_steps
	$(BIN)/python -m benchmarks.foraging_steps
	$(BIN)/python -m benchmarks.storm_steps
	$(BIN)/python -m benchmarks.smax_steps
	$(BIN)/python -m benchmarks.smax
	$(BIN)/python -m benchmarks.engines
	$(BIN)/python -m benchmarks.crossplay
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.devices
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.hanabi_bots
	$(BIN)/python -m benchmarks.hanabi tiny-2p
	$(BIN)/python -m benchmarks.hanabi mini-2p
	$(BIN)/python -m benchmarks.hanabi_full
	$(BIN)/python -m benchmarks.score
	$(BIN)/python -m benchmarks.coverage
	$(BIN)/python -m benchmarks.clients --people 30 --seconds 120
	$(BIN)/python -m benchmarks.co_play overcooked/coordination_ring
	$(BIN)/python -m benchmarks.co_play overcooked/mirror_ring --times 12

docs: $(DEV)  ## the site into build/site; a warning is an error
	$(BIN)/mkdocs build --strict

notebooks: $(DEV)  ## execute the notebooks and keep their outputs
	$(BIN)/python -m jupyter nbconvert --to notebook --execute --inplace notebooks/*.ipynb

$(BIN)/python:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip

$(RUN): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

$(DEV): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ $(RUN)

clean:
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache build *.egg-info
