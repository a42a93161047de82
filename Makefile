# aiida-anhcsp: everything lands inside the checkout (.venv, .aiida, .postgres, .cluster, .rabbitmq, demo-results).
#
#   make install                      system packages (as root), .venv, the package
#   make demo                         H3S from random structures to a quantum free energy
#     DATABASE=sqlite|postgresql        the profile's database
#     POTENTIAL=mattersim:mini-H-S      what the search starts from, or mattersim-v1.0.0-1M
#   make test                         ruff, mypy, unit tests, integration tests on sqlite, PostgreSQL, RabbitMQ and Slurm
#   make docs                         the documentation, in docs/_build
#   make stop                         stop the daemons and the servers of this checkout
SHELL := /bin/bash
DATABASE ?= sqlite
POTENTIAL ?= mattersim:mini-H-S

.DEFAULT_GOAL := help
.PHONY: help install demo test docs stop

help:
	@sed -n 's/^#//p' Makefile

install:
	@scripts/install.sh

demo: install
	@scripts/demo.sh '$(DATABASE)' '$(POTENTIAL)'

test: install
	@scripts/test.sh

docs: install
	@.venv/bin/python -m sphinx -W --keep-going -q -b html docs docs/_build

stop:
	@scripts/stop.sh
