# The commands people type. Each does its own set-up and is quick when nothing is missing.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup build run test test-kernels lab soak bench bench-learn lint types generate clean

NODE := scripts/node
TSCONFIGS := tsconfig.json $(wildcard packages/*/tsconfig*.json packages/*/*/tsconfig*.json)

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

setup: ## install what is missing (system packages, Node.js 24, npm packages) and build
	@scripts/setup test

build: ## build the eBPF object, the loader, the addon and the console
	@$(MAKE) --no-print-directory -s -C packages/agent build
	@$(NODE) scripts/build-console.ts

run: ## controller, console and agent on this machine; Ctrl-C ends it
	@scripts/setup run
	@exec bin/ringwall up $(ARGS)

test: ## every test: types, lint, unit, fuzz, kernel, databases, browser, lab
	@scripts/setup test
	@exec $(NODE) scripts/test.ts $(ONLY)

test-kernels: ## the kernel tests and an act of the lab on Debian's 5.10, 6.1 and 6.12 under qemu; ARGS="--lab 6.1" for less
	@scripts/setup kernels
	@exec $(NODE) packages/agent/kernels/main.ts $(ARGS)

lab: ## the three-tier story on several hosts; JSON=FILE keeps the record, ONLY=proof plays that act alone
	@scripts/setup test
	@exec $(NODE) packages/lab/src/main.ts $(if $(JSON),--json $(JSON)) $(if $(ONLY),--only $(ONLY))

soak: ## steady traffic over three hosts with trouble at random; MINUTES=30, SEED=n for the same again
	@scripts/setup test
	@exec $(NODE) packages/lab/src/soak/main.ts --minutes $(or $(MINUTES),30) $(if $(SEED),--seed $(SEED))

bench: ## speed as ratios measured in one run
	@scripts/setup test
	@exec $(NODE) scripts/bench.ts $(ONLY)

bench-learn: ## the learner against its bars
	@scripts/setup test
	@exec $(NODE) packages/learner/bench/learn.ts

lint: ## Biome and the type checker
	@node_modules/.bin/biome check .
	@$(MAKE) --no-print-directory types

types:
	@printf '%s\n' $(TSCONFIGS) | \
		xargs -n 1 -P "$$(nproc)" $(NODE) node_modules/typescript/bin/tsc --noEmit -p

generate: ## regenerate what is generated and kept in git (protocol, OpenAPI, command reference)
	@scripts/npm run generate --workspaces --if-present

clean: ## remove everything that was built or fetched into the checkout
	rm -rf node_modules .toolchain .kernels packages/*/{node_modules,dist,build}
