# Targets are commands that a person types; what takes more than a line is a script in hack/.

SHELL := /bin/bash
.DEFAULT_GOAL := help
IMAGE ?= localhost/taudaemon:dev
NODES ?= 2

# One set of flags for all builds: with others Go compiles everything again.
export GOTOOLCHAIN := local
export GOFLAGS := -trimpath -buildvcs=false
export CGO_ENABLED := 0

.PHONY: help
help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Try it
.PHONY: demo
demo: ## A TauDaemon trading on paper in a real cluster; CLUSTER=current|kind uses yours
	@CLUSTER=$(CLUSTER) hack/demo/run

.PHONY: cluster-up
cluster-up: ## Start a local Kubernetes from source; NODES=2
	@hack/cluster/cluster up $(NODES)

.PHONY: cluster-down
cluster-down: ## Stop it and verify that nothing is left
	@hack/cluster/cluster down

##@ Check it
.PHONY: test
test: ## Generated code, go vet, and every test but the end-to-end ones
	@hack/test/run

.PHONY: e2e
e2e: ## End-to-end tests on a cluster of their own
	@hack/e2e/run

.PHONY: bench
bench: ## Benchmarks
	@go test -run '^$$' -bench . -benchmem ./...

.PHONY: lint
lint: ## golangci-lint (builds it first: minutes, once) and shellcheck where it is installed
	@go tool -modfile=hack/tools/lint/go.mod golangci-lint run ./...
	@! command -v shellcheck >/dev/null || shellcheck -x hack/cluster/cluster hack/cluster/node/init hack/cluster/lib/*.sh hack/test/run hack/image/build .ci/run

##@ Build it
.PHONY: build
build: ## The programs, into bin/
	@mkdir -p bin && go build -ldflags "-s -w" -o bin/ ./daemon/cmd/... ./controllers/cmd/...

.PHONY: image
image: ## The product's image as bin/taudaemon.tar, without a container engine
	@hack/image/build bin/taudaemon.tar $(IMAGE)

.PHONY: generate
generate: ## Deepcopy, apply configurations, CRD and RBAC from the API types
	@hack/generate.sh

.PHONY: clean
clean: ## Remove bin/ (hack/cluster/cluster clean removes the cluster's cached binaries)
	@rm -rf bin
