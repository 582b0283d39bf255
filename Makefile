# Signalbox. `make test` is all a contributor needs; it gets what it can and says what it cannot.
GO      ?= go
BIN     ?= bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LINT    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

# What a worker's processor time goes to, by which a release is optimised: up to a quarter more events a second. It costs two minutes, since
# everything is compiled anew; PGO=off does without. `make profile` writes it again.
PGO     ?= $(CURDIR)/cmd/signalbox/worker.pgo

.PHONY: all build test race page lint bench profile drill seeds chaos fuzz tools clean

all: build test lint

build: ## one static binary in bin/
	CGO_ENABLED=0 $(GO) build -trimpath -pgo=$(PGO) -ldflags "-s -w -X github.com/signalbox/signalbox/internal/app.Version=$(VERSION)" -o $(BIN)/signalbox ./cmd/signalbox

tools: ## what the tests run against: redis-server, Prometheus and Alertmanager
	@./scripts/tools

test: tools ## every test, against a real redis-server, a real Prometheus and its tools; what vet says is in lint
	$(GO) test -vet=off ./...

# What these drive are other processes, built without the detector, or, in the case of the command line, what other packages drive in
# theirs: there is nothing to see for it.
APART := ops|cmd/signalbox|internal/certify|test/(chaos|docs|upstream|replay|explore|bench|observe|sim/redis)
# Whole fleets take minutes under it; test/virtual drives the same code in virtual time, by seeds. ALL=1 runs them, too.
FLEETS := internal/local|test/(canary|cards|cost|crash|feeds|orders|redis|rows|sinks|status|steps|timers|topics|trouble)
# No goroutine, lock or channel in them.
PURE := internal/(cardnumber|dataschema|isoduration|joined|jsontext|pii|redisurl|retryafter|sample|secret|smallfile|subscription)|internal/cli/(bindings|contract|envfile|exit|fleetview|gateview|letters|mapped|maptest|outline|plan|preview|render|waitview|why)|mapping/valuemap|orchestration/(fault|steps|scenarios|scenarios/(customers|heartbeat|payments|returns|sinks))|test/arch
# Long, and of the same code as the tests beside them.
LONG  := KilledForReal|KilledOnEveryPage|IsCertified|PlayedAgain|AThousandProcesses|HardlyWaitLonger|TheLargestMessage

race: tools ## the same under the race detector
	CGO_ENABLED=1 $(GO) test -race -vet=off -skip "$(LONG)" $$($(GO) list ./... | grep -vE '/($(APART)$(if $(ALL),,|$(FLEETS)|$(PURE)))$$')

page: tools ## docs/how-to/add-a-scenario.md, followed word for word in a copy of the repository
	$(GO) test -count=1 -tags page -run TheScenarioOfThePage -v ./test/docs

lint: ## formatting, static checks, architecture
	@test -z "$$(gofmt -l .)" || { echo "gofmt would change:"; gofmt -l .; exit 1; }
	$(GO) run $(LINT) run ./...

bench: tools ## throughput and cost, with baselines measured in the same run; memory over BENCH_MEMORY events (a million)
	BENCH_EVENTS=$(BENCH_EVENTS) BENCH_REPEAT=$(BENCH_REPEAT) BENCH_MEMORY=$(BENCH_MEMORY) BENCH_PGO=$(PGO) $(GO) test -run '^$$' -bench . -benchtime 1x -timeout 2h -v ./test/bench

profile: tools ## write the profile by which releases are optimised
	BENCH_PROFILE=$(CURDIR)/cmd/signalbox/worker.pgo $(GO) test -tags profile -run '^$$' -bench Profile -benchtime 1x -v ./test/bench

drill: tools ## a fleet in trouble under a real Prometheus and Alertmanager: which alerts fire, who is woken up; times divided by 30
	$(GO) test -tags drill -count=1 -parallel 7 -timeout 3h -v -run Drill ./test/observe

seeds: tools ## the fleet in virtual time by as many seeds as fit into three minutes, and every order of the protocol's steps
	GOGC=400 SEEDS=$(or $(SEEDS),4000) SECONDS=$(or $(SECONDS),180) ./scripts/brief $(GO) test -count=1 -timeout 40m -v ./test/virtual
	$(if $(filter none,$(EXPLORE)),,EXPLORE=$(or $(EXPLORE),8s) ./scripts/brief $(GO) test -count=1 -timeout 2h -v ./test/explore)

chaos: tools ## long runs: the table of faults, hundreds of frozen processes, rows and replays by the thousand, a million messages, the drill at a tenth of its length, thousands of seeds, the fuzzers
	CHAOS=1 $(GO) test -count=1 -timeout 2h -v -run Whatever ./test/chaos
	CHAOS=1 $(GO) test -count=1 -timeout 30m -v -run Frozen ./test/crash
	$(GO) run ./cmd/signalbox certify --all --kill all
	DRILL_FACTOR=10 $(MAKE) drill
	CHAOS=1 $(GO) test -count=1 -p 1 -timeout 30m -v ./test/upstream ./test/replay
	CHAOS=1 $(GO) test -count=1 -timeout 30m -v -run Soak ./test/sim/servicebus
	CHAOS=1 $(GO) test -count=1 -timeout 30m -v -run Thousand ./csuclient/redisgate
	$(MAKE) seeds FIRST=100000 SEEDS=20000 SECONDS=1200 EXPLORE=5m
	$(MAKE) fuzz

fuzz: ## each fuzzer for ten seconds
	@./scripts/fuzz 10s

clean:
	rm -rf $(BIN)
