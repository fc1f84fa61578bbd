package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"labbox/edge"
	"labbox/edge/class"
	"labbox/edge/experiment"
)

// edgeCodes are the codes that package edge declares.
func edgeCodes(t *testing.T) map[edge.Code]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../edge/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[edge.Code]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Names) == 1 && strings.HasPrefix(v.Names[0].Name, "Code") {
			s, _ := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			codes[edge.Code(s)] = true
		}
		return true
	})
	if len(codes) < 40 {
		t.Fatalf("only %d codes found", len(codes))
	}
	return codes
}

func TestEveryCodeHasAStatusAndARow(t *testing.T) {
	b, err := os.ReadFile("../docs/ref/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[edge.Code]int{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (\\d+) \\|").FindAllStringSubmatch(string(b), -1) {
		rows[edge.Code(m[1])], _ = strconv.Atoi(m[2])
	}
	codes, table := edgeCodes(t), statuses()
	for c := range codes {
		if table[c] == 0 {
			t.Errorf("%s has no status", c)
		}
		if rows[c] != table[c] {
			t.Errorf("%s: errors.md says %d, the code %d", c, rows[c], table[c])
		}
	}
	for c := range table {
		if !codes[c] {
			t.Errorf("%s is no code of edge", c)
		}
	}
	for c := range rows {
		if !codes[c] {
			t.Errorf("errors.md: %s is no code of edge", c)
		}
	}
	for _, c := range []int{closeGoingAway, closeLater, closeProtocol, closeSeat, closeReplaced} {
		for _, doc := range []string{"errors.md", "websocket.md"} {
			b, err := os.ReadFile("../docs/ref/" + doc)
			if err != nil || !strings.Contains(string(b), "| "+strconv.Itoa(c)+" |") {
				t.Errorf("%s does not tell of close code %d (%v)", doc, c, err)
			}
		}
	}
}

// apiDoc is the part of openapi.yaml that is compared.
type apiDoc struct {
	Paths      map[string]map[string]any `yaml:"paths"`
	Components struct {
		Schemas map[string]struct {
			Properties map[string]any `yaml:"properties"`
		} `yaml:"schemas"`
	} `yaml:"components"`
}

func readAPI(t *testing.T) (doc apiDoc) {
	t.Helper()
	b, err := os.ReadFile("../docs/ref/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestAPIDocumentHasEveryRoute(t *testing.T) {
	doc := readAPI(t)
	want := map[string]bool{} // method and path: anonymous
	for _, rt := range (&Server{}).routeTable() {
		want[rt.method+" "+rt.pattern] = rt.anonymous
	}
	have := map[string]bool{}
	for path, ops := range doc.Paths {
		for method, op := range ops {
			if method == "parameters" {
				continue
			}
			fields := op.(map[string]any)
			sec, open := fields["security"].([]any)
			have[strings.ToUpper(method)+" "+path] = open && len(sec) == 0
		}
	}
	for k, anonymous := range want {
		if got, ok := have[k]; !ok || got != anonymous {
			t.Errorf("%s: in the document %v, anonymous there %v, in the code %v", k, ok, got, anonymous)
		}
	}
	for k := range have {
		if _, ok := want[k]; !ok {
			t.Errorf("%s is in the document only", k)
		}
	}
}

func TestAPIDocumentHasEveryField(t *testing.T) {
	doc := readAPI(t)
	for name, v := range map[string]any{
		"Error": edge.Error{}, "Seat": class.Seat{}, "SeatRef": edge.SeatRef{}, "Actor": edge.Actor{}, "Status": edge.Status{}, "StreamInfo": edge.StreamInfo{},
		"StatusCount": edge.StatusCount{}, "Stop": edge.Stop{}, "Tick": edge.Tick{}, "LeaseInfo": edge.LeaseInfo{}, "Contract": edge.Contract{}, "Channel": edge.Channel{},
		"Choice": edge.Choice{}, "CommandSpec": edge.CommandSpec{}, "Param": edge.Param{}, "Panel": edge.Panel{}, "Plot": edge.Plot{}, "Event": edge.Event{},
		"CommandResult": edge.CommandResult{}, "StopResult": edge.StopResult{}, "Run": edge.Run{}, "Experiment": experiment.Experiment{}, "Outcome": experiment.Outcome{}, "Step": experiment.Step{},
		"Camera": edge.Camera{}, "PictureAsk": edge.PictureAsk{}, "RunDetail": edge.RunDetail{}, "RunNote": edge.RunNote{},
		"RunEvent": edge.RunEvent{}, "RunPictures": edge.RunPictures{},
	} {
		want := jsonFields(reflect.TypeOf(v))
		var have []string
		for f := range doc.Components.Schemas[name].Properties {
			have = append(have, f)
		}
		slices.Sort(want)
		slices.Sort(have)
		if !slices.Equal(want, have) {
			t.Errorf("%s: the document has %v, the code %v", name, have, want)
		}
	}
}

func jsonFields(t reflect.Type) (names []string) {
	for i := range t.NumField() {
		f := t.Field(i)
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); f.IsExported() && name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// TestWebsocketDocumentHasEveryOp reads the ops from the tables of websocket.md
// and sends each; none may be unknown, and no other field may be read.
func TestWebsocketDocumentHasEveryOp(t *testing.T) {
	b, err := os.ReadFile("../docs/ref/websocket.md")
	if err != nil {
		t.Fatal(err)
	}
	requests, pushes, _ := strings.Cut(string(b), "## Pushes")
	pushes, _, _ = strings.Cut(pushes, "## Close codes")
	row := regexp.MustCompile("(?m)^\\| `([a-z.]+)` \\|(.*)$")
	fields := map[string]bool{"op": true, "id": true}
	known := []string{"hello", "subscribe", "unsubscribe", "ack", "ping"}
	for _, m := range row.FindAllStringSubmatch(requests, -1) {
		if _, ok := (&message{Op: m[1]}).ask(); !ok && !slices.Contains(known, m[1]) {
			t.Errorf("op %s is in the document only", m[1])
		}
		for _, f := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(m[2], -1) {
			fields[f[1]] = true
		}
	}
	for _, f := range jsonFields(reflect.TypeOf(message{})) {
		if !fields[f] {
			t.Errorf("field %s is not in the document", f)
		}
	}
	src := ""
	for _, name := range []string{"hub.go", "experiments.go", "ops.go", "pulse.go", "sub.go", "class.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		src += string(b)
	}
	var documented []string
	for _, m := range row.FindAllStringSubmatch(pushes, -1) {
		documented = append(documented, m[1])
	}
	for _, m := range regexp.MustCompile(`"op\\?": ?\\?"([a-z]+)\\?"|"op":"([a-z]+)"|Op: "([a-z]+)"`).FindAllStringSubmatch(src, -1) {
		if op := m[1] + m[2] + m[3]; !slices.Contains(documented, op) {
			t.Errorf("push %s is not in the document", op)
		}
	}
	if len(documented) != 10 {
		t.Errorf("%d pushes in the document, 10 in the code", len(documented))
	}
}
