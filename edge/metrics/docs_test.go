package metrics_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/prometheus/client_golang/prometheus"
)

// go test ./edge/metrics -run Docs -update rewrites the table of docs/ref/metrics.md.
var update = flag.Bool("update", false, "rewrite the table of docs/ref/metrics.md")

const (
	reference = "../../docs/ref/metrics.md"
	dashboard = "../../docs/deploy/grafana-labbox.json"
	manual    = "../../docs/ref/operations.md"
	alerts    = "../../docs/deploy/prometheus-rules.yml"
)

// row is what is written about a metric.
type row struct{ name, kind, unit, labels, help string }

func rows(t *testing.T) []row {
	t.Helper()
	m, _ := full(t)
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out []row
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "labbox_") {
			continue
		}
		var labels []string
		for _, l := range f.GetMetric()[0].GetLabel() {
			if l.GetName() != "box" {
				labels = append(labels, "`"+l.GetName()+"`")
			}
		}
		unit := "1"
		for _, u := range []string{"seconds", "bytes"} {
			if strings.Contains(f.GetName(), "_"+u) {
				unit = u
			}
		}
		out = append(out, row{f.GetName(), strings.ToLower(f.GetType().String()), unit, strings.Join(labels, ", "), f.GetHelp()})
	}
	return out
}

// full must give every metric a value: else the tests below would not see it.
func TestDocsSeeEveryMetric(t *testing.T) {
	m, _ := full(t)
	known := map[string]bool{}
	for _, r := range rows(t) {
		known[r.name] = true
	}
	ch := make(chan *prometheus.Desc, 1000)
	m.Gatherer().(*prometheus.Registry).Describe(ch)
	close(ch)
	n := 0
	for d := range ch {
		name := regexp.MustCompile(`fqName: "(labbox_\w+)"`).FindStringSubmatch(d.String())
		if name == nil {
			continue
		}
		n++
		if !known[name[1]] {
			t.Errorf("full gives %s no value", name[1])
		}
	}
	if n < 30 {
		t.Errorf("only %d metrics seen", n)
	}
}

func TestDocsListEveryMetric(t *testing.T) {
	const from, to = "<!-- metrics: written by go test ./edge/metrics -run Docs -update -->\n", "<!-- end -->\n"
	b, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), from)
	have, tail, ok2 := strings.Cut(rest, to)
	if !ok || !ok2 {
		t.Fatal("the marks of the table are gone")
	}
	var want strings.Builder
	want.WriteString("| metric | type | unit | labels | meaning |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range rows(t) {
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s | %s |\n", r.name, r.kind, r.unit, r.labels, r.help)
	}
	if have == want.String() {
		return
	}
	if !*update {
		t.Fatalf("the table is old: go test ./edge/metrics -run Docs -update\n%s", want.String())
	}
	if err := os.WriteFile(reference, []byte(head+from+want.String()+to+tail), 0o600); err != nil {
		t.Fatal(err)
	}
}

// exposed are the names that a scrape knows, with those of a histogram's parts.
func exposed(t *testing.T) map[string]bool {
	t.Helper()
	m, _ := full(t)
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]bool{}
	for _, f := range families {
		out[f.GetName()] = true
		if len(f.GetMetric()) > 0 && f.GetMetric()[0].GetHistogram() != nil {
			for _, part := range []string{"_bucket", "_sum", "_count"} {
				out[f.GetName()+part] = true
			}
		}
	}
	return out
}

// metricNames are the names in a PromQL expression that can be metrics of ours,
// of the runtime or of the process.
func metricNames(expr string) []string {
	return regexp.MustCompile(`\b(?:labbox|go|process)_\w+`).FindAllString(expr, -1)
}

type panel struct {
	ID      int
	Type    string
	Title   string
	GridPos struct{ X, Y, W, H int }
	Panels  []panel
	Targets []struct{ Expr, RefID string }
}

func TestDashboard(t *testing.T) {
	b, err := os.ReadFile(dashboard)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		UID, Title string
		Panels     []panel
		Templating struct {
			List []struct{ Name, Query string }
		}
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	if d.UID == "" || d.Title == "" {
		t.Error("no uid or title")
	}
	have, used, ids := exposed(t), map[string]bool{}, map[int]bool{}
	for _, p := range d.Panels {
		if ids[p.ID] || p.Title == "" || p.GridPos.W <= 0 || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %d %q: id, title or place", p.ID, p.Title)
		}
		ids[p.ID] = true
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s shows nothing", p.Title)
		}
		for _, q := range p.Targets {
			names := metricNames(q.Expr)
			if len(names) == 0 {
				t.Errorf("%s: no metric in %q", p.Title, q.Expr)
			}
			if strings.Count(q.Expr, "(") != strings.Count(q.Expr, ")") {
				t.Errorf("%s: parentheses of %q", p.Title, q.Expr)
			}
			for _, n := range names {
				used[n] = true
				if !have[n] {
					t.Errorf("%s: nobody exposes %s", p.Title, n)
				}
			}
		}
	}
	for _, n := range []string{"labbox_device_state", "labbox_device_sample_age_seconds", "labbox_device_gaps_total",
		"labbox_command_duration_seconds_bucket", "labbox_lease_wait_seconds_bucket", "labbox_experiments_waiting",
		"labbox_bus_confirm_seconds_bucket", "labbox_bus_reconnects_total", "labbox_kv_reconnects_total", "labbox_panels",
		"process_resident_memory_bytes"} {
		if !used[n] {
			t.Errorf("the dashboard does not show %s", n)
		}
	}
	for _, v := range d.Templating.List {
		for _, n := range metricNames(v.Query) {
			if !have[n] {
				t.Errorf("variable %s: nobody exposes %s", v.Name, n)
			}
		}
	}
}

// Alert rules and text of the manual name metrics that exist.
func TestDocsManualNamesMetricsThatExist(t *testing.T) {
	b, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	have, n := exposed(t), 0
	for _, l := range strings.Split(string(b), "\n") {
		for _, name := range metricNames(l) {
			n++
			if !have[name] {
				t.Errorf("nobody exposes %s: %s", name, l)
			}
		}
	}
	if n < 4 {
		t.Errorf("only %d names found", n)
	}
	if r := rows(t); slices.ContainsFunc(r, func(x row) bool { return x.help == "" }) {
		t.Error("a metric without help")
	}
}

// The lines that the manual explains are logged somewhere.
func TestDocsManualNamesLogLinesThatExist(t *testing.T) {
	b, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(b), "| line | look closer |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	var source strings.Builder
	for _, dir := range []string{"devices", "edge", "web", "bridge", "cmd"} {
		err := filepath.WalkDir("../../"+dir, func(path string, _ os.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			b, err := os.ReadFile(path)
			source.Write(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for row := range strings.Lines(table) {
		first, _, _ := strings.Cut(strings.TrimPrefix(row, "|"), "|")
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(first, -1) {
			n++
			if !strings.Contains(source.String(), `"`+m[1]+`"`) {
				t.Errorf("nobody logs %q", m[1])
			}
		}
	}
	if n < 8 {
		t.Errorf("only %d lines found", n)
	}
}

// The alert rules are YAML, name metrics that exist, and are all explained.
func TestAlertRules(t *testing.T) {
	b, err := os.ReadFile(alerts)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(manual)
	if err != nil {
		t.Fatal(err)
	}
	var f struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				For         string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(b, &f); err != nil {
		t.Fatal(err)
	}
	have, n := exposed(t), 0
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			n++
			if r.Annotations["summary"] == "" || !strings.Contains(string(text), "| `"+r.Alert+"` |") {
				t.Errorf("%s is not explained", r.Alert)
			}
			names := metricNames(r.Expr)
			if len(names) == 0 && !strings.HasPrefix(r.Expr, "up{") {
				t.Errorf("%s: no metric in %q", r.Alert, r.Expr)
			}
			for _, name := range names {
				if !have[name] {
					t.Errorf("%s: nobody exposes %s", r.Alert, name)
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("only %d rules", n)
	}
}
