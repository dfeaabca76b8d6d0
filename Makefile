# SPDX-License-Identifier: Apache-2.0
# Everything is built and run in the lab (scripts/lab), so that it is the same on every machine.
LAB = scripts/lab run
PREFIX ?= /usr/local
DESTDIR ?=

.PHONY: all demo test bench lint format fuzz install clean help

all: ## build the programs into build/bin/
	@$(LAB) scripts/build release

demo: ## watch a live container move from one node to another (the main job)
	@$(LAB) scripts/build release --quiet
	@$(LAB) scripts/demo

test: ## run everything: unit tests, fuzz corpora, end-to-end tests with real containers
	@$(LAB) scripts/test

bench: ## measure against the tools people use today
	@$(LAB) scripts/build release --quiet
	@$(LAB) scripts/bench

lint: ## formatting, shell scripts, man pages, warnings as errors
	@$(LAB) scripts/lint

format: ## put the sources into the project's format
	@$(LAB) sh -c 'find src tests fuzz -name "*.[ch]" -exec clang-format -i {} +'

fuzz: ## fuzz every parser for FUZZ_SECONDS each (default 60)
	@$(LAB) env FUZZ_SECONDS=$${FUZZ_SECONDS:-60} scripts/fuzz

install: ## install programs, man pages and completion under DESTDIR and PREFIX
	@$(LAB) scripts/build release --quiet --stage "$(PREFIX)"
	@mkdir -p "$(DESTDIR)/"
	@cp -a build/stage/. "$(DESTDIR)/"

clean: ## remove what was built (scripts/lab remove also removes the lab)
	rm -rf build

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | column -t -s "$$(printf '\t')"
