# labbox: run, test, check, fuzz, bench, vendor, image, push, dist. CI calls only these.
.DEFAULT_GOAL := help
SHELL := /bin/bash
export CGO_ENABLED ?= 0
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
# How a release is built: without HTTP/2, and the large libraries not inlined (docs/adr/0017).
LEAN := -trimpath -tags nethttpomithttp2 -gcflags=github.com/nats-io/nats-server/v2/...=-l -gcflags=google.golang.org/protobuf/...=-l -gcflags=github.com/yuin/...=-l -gcflags=github.com/goccy/go-yaml/...=-l -gcflags=github.com/prometheus/...=-l -gcflags=github.com/alicebob/...=-l -gcflags=github.com/rabbitmq/...=-l -gcflags=github.com/redis/...=-l
TARGETS := linux/amd64 linux/arm64 linux/arm windows/amd64 darwin/arm64
FUZZTIME ?= 60s
UI := .tools/ui

.PHONY: run
run: ## serve the demo devices at http://127.0.0.1:8080
	go run ./cmd/labbox run

.PHONY: test
test: peers ## run every test, with the race detector; installs the test peers it may install
	@.tools/gotest
	$(MAKE) --no-print-directory test-js

.PHONY: test-js
test-js:
	@if command -v node >/dev/null; then node --test web/ui/test/*.mjs edge/frame/vectors/*.mjs firmware-protocols/*/vectors/*.mjs; \
	elif [ -n "$$LABBOX_REQUIRE_PEERS" ]; then echo "node is missing"; exit 1; \
	else echo "SKIP: JavaScript tests: no node (Debian package nodejs)"; fi

.PHONY: peers
peers: ## install the test peers that are missing (Debian, as root or through sudo)
	@bash .tools/peers

.PHONY: build
build: ## build ./labbox for this machine
	go build $(LEAN) -ldflags '$(LDFLAGS)' -o labbox ./cmd/labbox

.PHONY: check
check: vet lint ui-check cross ## vet, golangci-lint, tsc, biome, cross-builds

.PHONY: vet
vet:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "not gofmt-ed:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...

.PHONY: lint
lint:
	@mkdir -p dist
	go build -modfile=.tools/go/go.mod -o dist/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	dist/golangci-lint run ./...

.PHONY: ui-check
ui-check: $(UI)/node_modules
	cd $(UI) && npm run --silent types && npm run --silent lint

# Versions are exact in package.json. No lock file: it would name the registry.
$(UI)/node_modules: $(UI)/package.json
	cd $(UI) && npm install --silent
	@touch $@

.PHONY: vendor
vendor: $(UI)/node_modules ## fetch the front end's libraries anew into web/ui/vendor
	cd $(UI) && node vendor.mjs

.PHONY: cross
cross: ## build for every target
	@for t in $(TARGETS); do \
	  echo "build $$t"; GOOS=$${t%/*} GOARCH=$${t#*/} GOARM=7 go build $(LEAN) -ldflags '$(LDFLAGS)' -o /dev/null ./cmd/labbox || exit 1; done

.PHONY: dist
dist: ## binaries of every target in dist/
	@mkdir -p dist; for t in $(TARGETS); do o=dist/labbox-$${t%/*}-$${t#*/}; case $$t in windows/*) o=$$o.exe;; esac; \
	  GOOS=$${t%/*} GOARCH=$${t#*/} GOARM=7 go build $(LEAN) -ldflags '$(LDFLAGS)' -o $$o ./cmd/labbox || exit 1; ls -l $$o; done

.PHONY: fuzz
fuzz: ## every fuzz target for FUZZTIME (60s)
	@for p in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$p 2>/dev/null | grep ^Fuzz); do \
	  echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 20x -parallel 2 $$p || exit 1; done; done

.PHONY: bench
bench: ## every benchmark, with its named peer in the same run
	go test -run '^$$' -bench . -benchtime 1s ./...

IMAGE_TARGETS := linux/amd64 linux/arm64 linux/arm/v7
IMAGE_BINARIES = $(foreach t,$(IMAGE_TARGETS),$(t)=$(CURDIR)/dist/image-$(subst /,-,$(t)))
IMAGE = go -C .tools/image run . -version '$(VERSION)' -revision "$$(git rev-parse HEAD 2>/dev/null)" -created "$$(git log -1 --format=%ct 2>/dev/null || echo 0)"

.PHONY: image
image: image-binaries ## a container image of three platforms in dist/image (an OCI layout); needs no engine
	$(IMAGE) -layout $(CURDIR)/dist/image $(IMAGE_BINARIES)

.PHONY: push
push: image-binaries ## the same, pushed to REGISTRY/labbox with the version as tag, and read back
	@test -n "$(REGISTRY)" || { echo "make push REGISTRY=registry.example.org/lab"; exit 2; }
	$(IMAGE) -push '$(REGISTRY)/labbox' $(if $(INSECURE),-insecure) $(IMAGE_BINARIES)

.PHONY: image-binaries
image-binaries:
	@mkdir -p dist
	@for t in $(IMAGE_TARGETS); do a=$${t#linux/}; echo "build $$t"; GOOS=linux GOARCH=$${a%/*} GOARM=7 CGO_ENABLED=0 \
	  go build $(LEAN) -ldflags '$(LDFLAGS)' -o dist/image-linux-$${a/\//-} ./cmd/labbox || exit 1; done

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
