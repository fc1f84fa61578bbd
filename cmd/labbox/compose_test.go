package main

import (
	"flag"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// loadCompose reads compose.yaml as an engine would, in an environment of its own.
func loadCompose(t *testing.T, env ...string) *types.Project {
	t.Helper()
	o, err := cli.NewProjectOptions([]string{"../../compose.yaml"}, cli.WithEnv(env), cli.WithInterpolation(true), cli.WithResolvedPaths(true))
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ours are the services that run labbox.
func ours(p *types.Project) (names []string) {
	for name, s := range p.Services {
		if slices.Contains(s.Command, "run") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestCompose(t *testing.T) {
	p := loadCompose(t)
	if got := ours(p); !slices.Equal(got, []string{"box", "web-a", "web-b"}) {
		t.Fatalf("labbox runs in %v", got)
	}
	if got := slices.Sorted(maps.Keys(p.Services)); len(got) != 6 {
		t.Fatalf("services: %v", got)
	}
	for name, s := range p.Services {
		t.Run(name, func(t *testing.T) { checkService(t, p, s) })
	}
	for name, s := range p.Secrets {
		if s.File == "" || s.Content != "" || s.Environment != "" {
			t.Errorf("secret %s comes from no file", name)
		}
	}
	for _, c := range p.Configs {
		if _, err := os.Stat(c.File); err != nil {
			t.Error(err)
		}
	}
	startsBefore(t, p, "proxy", "web-a", "web-b", "box")
	for _, name := range ours(p) {
		startsBefore(t, p, name, "rabbitmq", "redis")
	}
	redis, err := os.ReadFile("../../docs/deploy/redis.conf")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"appendonly yes", "appendfsync always", "maxmemory-policy noeviction"} {
		if !slices.Contains(strings.Split(string(redis), "\n"), line) {
			t.Errorf("redis.conf has no %q", line)
		}
	}
}

func startsBefore(t *testing.T, p *types.Project, name string, needs ...string) {
	t.Helper()
	for _, n := range needs {
		if d, ok := p.Services[name].DependsOn[n]; !ok || d.Condition != types.ServiceConditionHealthy {
			t.Errorf("%s does not wait until %s is healthy", name, n)
		}
	}
}

var pinned = regexp.MustCompile(`:\d+\.\d+\.\d+(-[a-z]+)?$`)

func checkService(t *testing.T, p *types.Project, s types.ServiceConfig) {
	h := s.HealthCheck
	if h == nil || h.Disable || len(h.Test) < 2 || h.Interval == nil || h.Timeout == nil || h.StartPeriod == nil {
		t.Fatalf("health check: %+v", h)
	}
	if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") || s.Privileged || s.NetworkMode != "" {
		t.Error("it may gain rights, or uses the host's network")
	}
	for _, v := range s.Volumes {
		if v.Type != types.VolumeTypeVolume || p.Volumes[v.Source].Name == "" {
			t.Errorf("%s is no named volume", v.Source)
		}
	}
	if len(s.Networks) == 0 || s.Networks["default"] != nil {
		t.Error("it is on no named network")
	}
	if published := len(s.Ports) > 0; published != (s.Name == "proxy") {
		t.Errorf("published ports: %v", s.Ports)
	}
	if !slices.Contains(ours(p), s.Name) {
		if !pinned.MatchString(s.Image) {
			t.Errorf("the image %s is not pinned to a version", s.Image)
		}
		return
	}
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.User != "65532:65532" || s.Build == nil {
		t.Errorf("read_only %v, cap_drop %v, user %q", s.ReadOnly, s.CapDrop, s.User)
	}
	if h.Test[0] != "CMD" || h.Test[1] != "/labbox" || h.Test[2] != "health" {
		t.Errorf("the health check is %q", h.Test)
	}
	if !slices.Equal(s.Command, []string{"run"}) { // a flag would win over the environment
		t.Errorf("the command is %q", s.Command)
	}
	checkEnvironment(t, s)
}

// checkEnvironment: every variable is a flag, and no password stands in one.
func checkEnvironment(t *testing.T, s types.ServiceConfig) {
	fs := flag.NewFlagSet("run", flag.ContinueOnError)
	runCommand(fs)
	known := map[string]bool{}
	fs.VisitAll(func(f *flag.Flag) { known["LABBOX_"+strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))] = true })
	for name, v := range s.Environment {
		if !known[name] {
			t.Errorf("%s is no flag of labbox run", name)
		}
		if v == nil || *v == "" {
			t.Errorf("%s is empty", name)
			continue
		}
		if file, ok := strings.CutPrefix(*v, "/run/secrets/"); ok && !slices.ContainsFunc(s.Secrets, func(c types.ServiceSecretConfig) bool { return c.Source == file }) {
			t.Errorf("%s: the service does not get the secret %s", name, file)
		} else if !ok && (strings.Contains(name, "PASSWORD") || regexp.MustCompile(`://[^/@]*:[^/@]*@`).MatchString(*v)) {
			t.Errorf("%s holds a password", name)
		}
	}
}

// No file names a host or an address of one network: services find each other by
// their names. localhost is a container itself, in its own health check.
func TestComposeNamesNoAddress(t *testing.T) {
	addresses := regexp.MustCompile(`\d+\.\d+\.\d+\.\d+|\[[0-9a-fA-F:]*:[0-9a-fA-F:]*\]|\bhost\.docker\.internal\b|\bextra_hosts\b`)
	for _, name := range []string{"compose.yaml", "docs/deploy/nginx.conf", "docs/deploy/Caddyfile", "docs/deploy/rabbitmq.conf", "docs/deploy/redis.conf"} {
		text, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		// Only this machine reaches the proxy until somebody says otherwise.
		rest := strings.Replace(string(text), `"${LABBOX_BIND:-127.0.0.1}:${LABBOX_PORT:-8080}:8080"`, "", 1)
		for _, found := range addresses.FindAllString(rest, -1) {
			t.Errorf("%s: %s", name, found)
		}
	}
	for name, s := range loadCompose(t).Services {
		for _, list := range [][]string{s.Command, s.Entrypoint, slices.Collect(environment(s))} {
			for _, v := range list {
				if strings.Contains(v, "localhost") && v != "LABBOX_HOST=localhost" {
					t.Errorf("%s: %s", name, v)
				}
			}
		}
	}
}

// environment yields NAME=value.
func environment(s types.ServiceConfig) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, k := range slices.Sorted(maps.Keys(s.Environment)) {
			if !yield(k + "=" + *s.Environment[k]) {
				return
			}
		}
	}
}
