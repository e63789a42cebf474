# Everything a reader needs, by name. `make help` lists it.

.DEFAULT_GOAL := help
SHELL := /bin/bash
CONFIGURATION := .ci/swift-format.json
RELEASE := .build/release/waggle

# The seconds each fuzz target runs, and the tests a sanitizer run is limited to (all by default).
SECONDS_PER_TARGET ?= 60
FILTER ?= .

# The questions of a soak, and the sandboxes of a scale run.
QUESTIONS ?= 10000000
SANDBOXES ?= 1000

# The daemons of a ring on one machine.
DAEMONS ?= 50

# What is simulated: gossip, tables or all.
PART ?= all

# Cells of Lifeguard's grid that a simulation holds the rules against; the whole grid has 432.
CELLS ?= 24

# Seeds after which a mistake made on purpose counts as not noticed.
SEEDS ?= 2000

# With the thread sanitizer Swift 6.3.1 makes of swift-collections' BasicContainers what its own check of the
# intermediate code refuses. What comes of it runs.
WITHOUT_VERIFIER := -Xswiftc -Xfrontend -Xswiftc -disable-llvm-verify

.PHONY: help run test bench soak scale ring simulate mutations fuzz asan tsan format lint build install clean

help: ## list these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

install: ## install what is missing (apt, as root); otherwise say what is
	@.ci/install

build: install ## build the release executable
	swift build -c release --product waggle

run: build ## start the embedded default, show names resolving, keep running
	@WAGGLE_BIN="$(CURDIR)/$(RELEASE)" fixtures/demo/run

test: build ## build and run every test
	@WAGGLE_BIN="$(CURDIR)/$(RELEASE)" .ci/tests

bench: build ## tables of cost against the peers found on this machine
	@WAGGLE_BIN="$(CURDIR)/$(RELEASE)" .ci/bench

soak: build ## ask a release daemon QUESTIONS of all kinds; say what became of them and of its memory
	WAGGLE_BIN="$(CURDIR)/$(RELEASE)" WAGGLE_SOAK_QUESTIONS=$(QUESTIONS) nice -n 19 swift test \
		--disable-xctest --filter '^NodeTests\.SoakTests'

scale: build ## serve SANDBOXES in as many namespaces from one daemon; say what that costs
	@/usr/bin/python3 fixtures/node/scale.py "$(CURDIR)/$(RELEASE)" $(SANDBOXES) 30

ring: build ## start DAEMONS nodes as one ring in a namespace; say what they cost idle
	@/usr/bin/python3 fixtures/node/ring.py "$(CURDIR)/$(RELEASE)" $(DAEMONS) 60

simulate: build ## hold sets of gossip rules against each other in virtual time; PART=gossip or tables, CELLS=432
	@WAGGLE_BIN="$(CURDIR)/$(RELEASE)" CELLS=$(CELLS) PART=$(PART) .ci/simulate

mutations: build ## make known mistakes in a copy of the Raft engine; say by how many of SEEDS they are noticed
	@nice -n 19 .ci/mutations $(SEEDS)

fuzz: install ## run every fuzz target for SECONDS_PER_TARGET seconds
	@SECONDS_PER_TARGET=$(SECONDS_PER_TARGET) .ci/fuzz

asan: install ## run the tests under the address sanitizer
	LSAN_OPTIONS=suppressions="$(CURDIR)/.ci/lsan-suppressions" \
		swift test --disable-xctest --no-parallel --sanitize=address --scratch-path .build-asan --filter '$(FILTER)'

tsan: install ## run the tests under the thread sanitizer
	TSAN_OPTIONS=suppressions="$(CURDIR)/.ci/tsan-suppressions" \
		swift test --disable-xctest --no-parallel --sanitize=thread --scratch-path .build-tsan \
		$(WITHOUT_VERIFIER) --filter '$(FILTER)'

format: ## rewrite the sources in the house format
	swift format -i --configuration $(CONFIGURATION) -r Sources Tests

lint: ## check the format without changing anything
	swift format lint --strict --configuration $(CONFIGURATION) -r Sources Tests

clean: ## remove everything that was built
	rm -rf .build .build-asan .build-tsan .build-fuzz
