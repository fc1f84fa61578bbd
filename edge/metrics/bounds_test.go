package metrics_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/metrics"
)

// Whatever 10,000 strangers send, the number of series stays within bounds, and
// nothing that they say about themselves shows.
func TestCardinalityIsBounded(t *testing.T) {
	m, c := newMetrics(t)
	s := m.Sink()
	for i := range 12 {
		s.Stream("device-"+strconv.Itoa(i), 1, &edge.Contract{})
	}
	fb := &fakeBus{}
	b, kv := m.Bus(fb), m.KV(&fakeKV{})
	_, err := b.Serve("lab.bench.*.do", func(_ context.Context, msg edge.Msg) ([]byte, error) {
		return nil, edge.Errorf(edge.Code("nonsense-"+string(msg.Data[:1])), "no")
	})
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string { return "secret-" + strconv.FormatUint(r.Uint64(), 36) }
	ctx := t.Context()
	before := 0
	for i := range 10_000 {
		device, code := word(), edge.Code(word())
		if i%2 == 0 {
			device = "device-" + strconv.Itoa(r.IntN(12))
		}
		if i%3 == 0 {
			code = edge.CodeOutOfRange
		}
		verb := edge.VerbCommand
		if i%5 == 0 {
			verb = edge.Verb(word())
		}
		ask(m, c, device, verb, word(), word(), nil, time.Duration(r.IntN(1e6)))
		ask(m, c, device, edge.VerbTake, word(), "", edge.Errorf(edge.CodeLeaseTaken, "no"), 0)
		ask(m, c, device, verb, word(), "", edge.Errorf(code, "no"), 0)
		_, _ = fb.serve(ctx, edge.Msg{Subject: edge.Subject("bench", device, edge.KindDo),
			Data: fmt.Appendf(nil, `{"verb":%q,"device":%q,"actor":{"seat":%q}}`, verb, device, word())})
		fb.err = edge.Errorf(code, "no")
		_ = b.Publish(ctx, word()+"."+word(), nil)
		_, _ = b.Request(ctx, edge.Subject(word(), device, word()), nil)
		_ = b.Enqueue(ctx, word(), word(), nil)
		fb.err = nil
		_ = b.Enqueue(ctx, word(), word(), nil)
		_, _, _ = kv.Get(ctx, word())
		s.Event("device-1", &edge.Event{Code: word(), Args: map[string]any{"text": word()}})
		if i == 5_000 {
			before = series(t, m)
		}
	}
	text := scrape(t, m)
	n := series(t, m)
	if n > 3000 || before == 0 || n-before > 100 {
		t.Errorf("%d series after 5,000 strangers, %d after 10,000", before, n)
	}
	t.Logf("%d series", n)
	for l := range strings.Lines(text) {
		// Queues that the broker took are admitted until their set is full.
		if strings.Contains(l, "secret-") && !strings.HasPrefix(l, "labbox_bus_confirm_seconds") {
			t.Fatal(l)
		}
	}
}

func series(t *testing.T, m *metrics.Metrics) int {
	t.Helper()
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "labbox_") {
			continue
		}
		for _, x := range f.GetMetric() {
			n++
			if h := x.GetHistogram(); h != nil {
				n += len(h.GetBucket()) + 2
			}
		}
	}
	return n
}

// Every code and verb of edge is known here: otherwise a new one would count as
// "other".
func TestEveryCodeAndVerbHasALabel(t *testing.T) {
	m, c := newMetrics(t)
	m.Status(edge.Status{Device: "d"})
	codes, verbs := constants(t, "../errors.go", "Code"), constants(t, "../actor.go", "Verb")
	if len(codes) < 40 || len(verbs) < 12 {
		t.Fatal(len(codes), len(verbs))
	}
	for _, code := range codes {
		ask(m, c, "d", edge.VerbStop, "s", "", edge.Errorf(edge.Code(code), "x"), 0)
	}
	for _, verb := range verbs {
		ask(m, c, "d", edge.Verb(verb), "s", edge.OutcomeSent, nil, 0)
	}
	if text := grep(scrape(t, m), "labbox_asks_total"); strings.Contains(text, `"other"`) {
		t.Errorf("labels.go lacks a code or a verb:\n%s", grep(text, `labbox_asks_total{box="bench",code="other"`))
	}
}

// Every kind of subject too.
func TestEveryKindHasALabel(t *testing.T) {
	m, _ := newMetrics(t)
	b, n := m.Bus(&fakeBus{}), 0
	f, err := parser.ParseFile(token.NewFileSet(), "../names.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(node ast.Node) bool {
		v, ok := node.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(v.Names[0].Name, "Kind") {
			return true
		}
		kind, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		_ = b.Publish(t.Context(), edge.Subject("bench", "d", kind), nil)
		n++
		return true
	})
	if n < 7 {
		t.Fatal(n)
	}
	wantLines(t, m, `labbox_bus_published_total{box="bench",kind="other"} 0`)
}

// constants are the values of the typed string constants of a file.
func constants(t *testing.T, file, typ string) []string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	ast.Inspect(f, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := v.Type.(*ast.Ident); ok && id.Name == typ {
			for _, x := range v.Values {
				s, err := strconv.Unquote(x.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, s)
			}
		}
		return true
	})
	return out
}
