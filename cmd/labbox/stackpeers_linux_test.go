package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/types"
)

// mounted is the text of a file that a service sees at a path.
func (s *stack) mounted(svc types.ServiceConfig, target string) string {
	s.t.Helper()
	file := ""
	for _, c := range svc.Configs {
		if c.Target == target {
			file = s.p.Configs[c.Source].File
		}
	}
	for _, c := range svc.Secrets {
		if c.Target == target {
			file = s.secrets[c.Source]
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatalf("%s of %s: %v", target, svc.Name, err)
	}
	return string(text)
}

// write puts a file into the stack's folder.
func (s *stack) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

func (s *stack) redis(svc types.ServiceConfig) *child {
	if _, err := exec.LookPath("redis-server"); err != nil {
		peerMissing(s.t, "redis-server", "redis-server")
	}
	conf := s.write("redis.conf", s.mounted(svc, "/etc/redis/redis.conf"))
	var args []string
	for _, a := range svc.Command[1:] {
		if a == "/etc/redis/redis.conf" {
			a = conf
		}
		if file, ok := strings.CutPrefix(a, "/run/secrets/"); ok {
			a = s.secrets[file]
		}
		args = append(args, a)
	}
	return startChild(s.t, exec.Command(svc.Command[0], append(args, "--port", s.port("redis", "6379"), "--bind", "127.0.0.1", "--dir", s.dir)...))
}

func rabbitPrograms(t testing.TB) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin")
	if len(found) == 0 {
		peerMissing(t.(*testing.T), "RabbitMQ", "rabbitmq-server")
	}
	return found[len(found)-1]
}

// rabbitEnv is the environment of the node and of its tools: nothing of the
// machine's own broker.
func (s *stack) rabbitEnv() []string {
	in := func(name string) string { return filepath.Join(s.dir, "rabbitmq", name) }
	return []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8", "HOME=" + in(""), "TMPDIR=" + in(""),
		"ERL_EPMD_PORT=" + s.port("rabbitmq", "epmd"), "ERL_EPMD_ADDRESS=127.0.0.1", "RABBITMQ_NODENAME=compose@localhost",
		"RABBITMQ_DIST_PORT=" + s.port("rabbitmq", "dist"), "RABBITMQ_MNESIA_BASE=" + in("mnesia"), "RABBITMQ_LOG_BASE=" + in("log"),
		"RABBITMQ_CONFIG_FILE=" + in("rabbitmq.conf"), "RABBITMQ_CONFIG_FILES=" + in("conf.d/*.conf"),
		"RABBITMQ_ADVANCED_CONFIG_FILE=" + in("advanced.config"), "RABBITMQ_ENABLED_PLUGINS_FILE=" + in("plugins"),
		"RABBITMQ_CONF_ENV_FILE=/dev/null", "RUNNING_UNDER_SYSTEMD=1",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 1:1 +SDcpu 1 +SDio 1 +A 4 +sbwt none"}
}

// rabbitmq runs Debian's RabbitMQ on the files of compose.yaml; only the ports are
// the test's.
func (s *stack) rabbitmq(svc types.ServiceConfig) *child {
	programs := rabbitPrograms(s.t)
	for _, m := range []string{"20-labbox.conf", "90-user.conf"} {
		s.write("rabbitmq/conf.d/"+m, s.mounted(svc, "/etc/rabbitmq/conf.d/"+m))
	}
	s.write("rabbitmq/rabbitmq.conf", "listeners.tcp.1 = 127.0.0.1:"+s.port("rabbitmq", "5672")+"\n")
	s.write("rabbitmq/plugins", "[].\n")
	cookie := s.write("rabbitmq/.erlang.cookie", "compose-"+filepath.Base(s.dir))
	if err := os.Chmod(cookie, 0o400); err != nil {
		s.t.Fatal(err)
	}
	epmd := exec.Command("epmd", "-port", s.port("rabbitmq", "epmd"), "-address", "127.0.0.1")
	epmd.Env = s.rabbitEnv()
	startChild(s.t, epmd)
	cmd := exec.Command(filepath.Join(programs, "rabbitmq-server"))
	cmd.Env, cmd.Dir = s.rabbitEnv(), s.dir
	return startChild(s.t, cmd)
}

// published is the only port that browsers reach.
func (s *stack) published() string { return "127.0.0.1:" + s.port("proxy", "8080") }

var listens = regexp.MustCompile(`(?m)^(\s*listen )8080;`)

// nginx runs Debian's nginx on docs/deploy/nginx.conf; ports, names and folders are
// the test's.
func (s *stack) nginx() *child {
	const program = "/usr/sbin/nginx"
	if _, err := os.Stat(program); err != nil {
		peerMissing(s.t, "nginx", "nginx")
	}
	text := s.mounted(s.p.Services["proxy"], "/etc/nginx/conf.d/default.conf")
	text = listens.ReplaceAllString(s.here(text), "${1}"+s.published()+";")
	site := s.write("nginx/site.conf", text)
	in := filepath.Dir(site) + "/"
	main := "daemon off;\nerror_log stderr;\npid " + in + "pid;\nworker_processes 1;\n"
	if os.Getuid() == 0 {
		main += "user root;\n" // the folder is root's
	}
	main += "events {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		main += kind + "_temp_path " + in + kind + ";\n"
	}
	main += "include " + site + ";\n}\n"
	return startChild(s.t, exec.Command(program, "-p", in, "-e", "stderr", "-c", s.write("nginx/nginx.conf", main)))
}

// caddy runs Debian's Caddy on docs/deploy/Caddyfile.
func (s *stack) caddy() *child {
	program, err := exec.LookPath("caddy")
	if err != nil {
		peerMissing(s.t, "caddy", "caddy")
	}
	text, err := os.ReadFile("../../docs/deploy/Caddyfile")
	if err != nil {
		s.t.Fatal(err)
	}
	site := strings.Replace(s.here(string(text)), "\n:8080 {", "\n:"+s.port("proxy", "8080")+" {\n\tbind 127.0.0.1", 1)
	file := s.write("caddy/Caddyfile", "{\n\tadmin off\n}\n"+site)
	cmd := exec.Command(program, "run", "--config", file, "--adapter", "caddyfile")
	cmd.Env = []string{"HOME=" + filepath.Dir(file), "PATH=" + os.Getenv("PATH")}
	return startChild(s.t, cmd)
}
