# The targets of the Makefile, for those who like just better. The work is in tools/.

project := ""
name := ""

# list the recipes
help:
    @just --list --unsorted

# build .venv, the locked dependencies and the embedded model's cache
setup:
    @make setup

# set up what is missing and start Lumina
run:
    @make run

# run the tests with the coverage gate; AFFECTED=1: only what changed since main
test project=project:
    @make test PROJECT={{ project }}

# ruff, our own lints, import contracts, bandit
lint project=project:
    @make lint PROJECT={{ project }}

# mypy strict on sources and tests
typecheck project=project:
    @make typecheck PROJECT={{ project }}

# wheels of every member into dist/
build project=project:
    @make build PROJECT={{ project }}

# run the root with one app's router and reload
serve project:
    @make serve PROJECT={{ project }}

# generate an app
app name:
    @make app NAME={{ name }}

# generate a shared library
lib name:
    @make lib NAME={{ name }}

# write the Nx graph and open it
graph:
    @make graph

# build the image, by docker or buildah
containerize project="platform":
    @make containerize PROJECT={{ project }}

# run the benchmarks
bench name=name:
    @make bench NAME={{ name }}

# kill, soak and fuzz a running Lumina
drill name=name:
    @make drill NAME={{ name }}

# write the OpenAPI documents
openapi:
    @make openapi

# pictures of the pages of a running Lumina
screenshots:
    @make screenshots

# lint, typecheck, test, fresh
check project=project:
    @make check PROJECT={{ project }}

# known vulnerabilities of the locked packages
audit:
    @make audit

# resolve the workspace anew
lock:
    @make lock
