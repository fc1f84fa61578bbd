package main

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"labbox/bridge/rabbitbus/rabbittest"
	"labbox/edge/rediskv/redistest"
)

// The doctor at a RabbitMQ and a Redis: all well, and what is wrong most often.
func TestDoctorOfRealParts(t *testing.T) {
	rabbit := rabbittest.Start(t)
	redis := redistest.StartWith(t, redistest.WithArgs("--appendonly", "no"), redistest.WithACL("lab", "geheim", "~* &* +@all"))
	u, err := url.Parse(rabbit.URL())
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	file := func(content string) string {
		name := filepath.Join(t.TempDir(), "password")
		if err := os.WriteFile(name, []byte(content+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	at := func(set func(*doctor)) (string, bool) {
		d := newDoctor(t)
		d.broker, d.store = probeBroker, probeStore
		v := *u
		v.User = url.User(u.User.Username())
		d.backends = backendFlags{broker: v.String(), brokerPassword: file(password), kv: "redis://lab@" + redis.Addr() + "/0", kvPassword: file("geheim")}
		set(d)
		text, failed := d.says(t)
		if strings.Contains(text, "geheim") {
			t.Errorf("a password shows:\n%s", text)
		}
		return text, failed
	}
	for name, c := range map[string]struct {
		set    func(*doctor)
		failed bool
		want   string
	}{
		"all well":        {func(*doctor) {}, false, "signed in to RabbitMQ "},
		"keeps nothing":   {func(*doctor) {}, false, "warn  store     "},
		"broker password": {func(d *doctor) { d.backends.brokerPassword = file("geheimer") }, true, "fail  broker    rabbitbus: broker not reachable: user "},
		"vhost":           {func(d *doctor) { d.backends.broker += "nowhere" }, true, "fail  broker    rabbitbus: broker not reachable: vhost "},
		"store password":  {func(d *doctor) { d.backends.kvPassword = file("geheimer") }, true, "fail  store     "},
	} {
		if text, failed := at(c.set); failed != c.failed || !strings.Contains(text, c.want) {
			t.Errorf("%s: %q is not in\n%s", name, c.want, text)
		}
	}
	if out, err := rabbit.Ctl("set_vm_memory_high_watermark", "absolute", "1MiB"); err != nil {
		t.Fatal(err, out)
	}
	if text, failed := at(func(*doctor) {}); !failed || !strings.Contains(text, "broker takes no messages") || !strings.Contains(text, "hint: the broker is short of memory or disk") {
		t.Error(text)
	}
}
