# Every target is one line: the work is in tools/. `just` knows the same names.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
PROJECT ?=
NAME ?=

.PHONY: help setup run test lint typecheck build serve app lib graph containerize bench drill openapi screenshots check audit lock

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(\[[^]]*\] \)\{0,1\}\(.*\)/\1 \2|\3/p' Makefile | sed 's/ \[\(.*\)\] |/ \1|/; s/ |/|/' | awk -F'|' '$$1 != "help" && $$1 != "lock" { printf "  %-26s %s\n", $$1, $$2 }'

setup: ## build .venv, the locked dependencies and the embedded model's cache
	@tools/setup product

run: ## set up what is missing and start Lumina
	@tools/setup product
	@exec .venv/bin/lumina up --next-free-ports

test: ## run the tests with the coverage gate; AFFECTED=1: only what changed since main
	@tools/task test $(PROJECT)

lint: ## ruff, our own lints, import contracts, bandit; AFFECTED=1 as above
	@tools/task lint $(PROJECT)

typecheck: ## mypy strict on sources and tests; AFFECTED=1 as above
	@tools/task typecheck $(PROJECT)

build: ## wheels of every member into dist/; AFFECTED=1 as above
	@tools/task build $(PROJECT)

serve: ## [PROJECT=] run the root with one app's router and reload
	@tools/serve "$(PROJECT)"

app: ## [NAME=] generate an app: in the graph, in the workspace, served by the root
	@tools/generate app "$(NAME)"

lib: ## [NAME=] generate a shared library
	@tools/generate lib "$(NAME)"

graph: ## write the Nx graph to dist/graph.html and open it
	@tools/graph

containerize: ## [PROJECT=] build the image, by docker or buildah
	@tools/containerize "$(or $(PROJECT),platform)"

bench: ## [NAME=] run the benchmarks and print their tables; REPORT=1: a load test with its report
	@tools/bench $(NAME)

drill: ## [NAME=] kill, soak and fuzz a running Lumina, for longer than the tests do
	@tools/drill $(NAME)

openapi: ## write the OpenAPI documents
	@tools/task openapi

screenshots: ## pictures of the pages of a running Lumina, at 1440 and 390 px
	@tools/task screenshots

check: ## lint, typecheck, test, and whether generated files are fresh
	@tools/task check $(PROJECT)

audit: ## known vulnerabilities of the locked packages; needs the advisory services
	@tools/task audit

lock: ## resolve the workspace anew into the hashed locks
	@tools/lock
