package rediskv_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/rediskv"
	"labbox/edge/rediskv/redistest"
)

var ctxKey = edge.Key("bench", "k")

func wantCode(t testing.TB, what string, err error, codes ...edge.Code) {
	t.Helper()
	for _, c := range codes {
		if edge.CodeOf(err) == c {
			return
		}
	}
	t.Errorf("%s: %v (code %q), want one of %q", what, err, edge.CodeOf(err), codes)
}

func wantHint(t testing.TB, what string, err error, part string) {
	t.Helper()
	if e := edge.AsError(err); e == nil || !strings.Contains(e.Hint, part) {
		t.Errorf("%s: %v with hint %+v, want %q in it", what, err, e, part)
	}
}

func TestDialRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	secret, empty, junk := file("secret", "hunter2\n"), file("empty", "\n"), file("junk", "hunter2")
	for what, cfg := range map[string]rediskv.Config{
		"no url":                   {},
		"user twice":               {URL: "redis://you@h", Username: "me"},
		"password twice":           {URL: "redis://:hunter2@h", PasswordFile: secret},
		"no password file":         {URL: "redis://h", PasswordFile: filepath.Join(dir, "none")},
		"empty password":           {URL: "redis://h", PasswordFile: empty},
		"CA without TLS":           {URL: "redis://h", CAFile: junk},
		"no CA":                    {URL: "rediss://h", CAFile: junk},
		"certificate without key":  {URL: "rediss://h", CertFile: junk},
		"no certificate":           {URL: "rediss://h", CertFile: junk, KeyFile: junk},
		"prefix with a hash tag":   {URL: "redis://h", KeyPrefix: "{a}"},
		"prefix with a space":      {URL: "redis://h", KeyPrefix: "a b"},
		"long prefix":              {URL: "redis://h", KeyPrefix: strings.Repeat("p", 65)},
		"database of a Cluster":    {URL: "redis+cluster://h:1,i:2/3"},
		"option of a Cluster":      {URL: "redis+cluster://h:1,i:2?hunter2=1"},
		"durable without a number": {URL: "redis://h?durable=yes"},
		"node without a host":      {URL: "redis+cluster://h:1,:2"},
	} {
		_, err := rediskv.Dial(cfg)
		wantCode(t, what, err, edge.CodeBadConfig)
		if e := edge.AsError(err); e != nil && strings.Contains(e.Error()+e.Hint, "hunter2") {
			t.Errorf("%s: the password is in %q", what, err)
		}
	}
}

// TestStoreAwayAtStart: no server is there, then it is.
func TestStoreAwayAtStart(t *testing.T) {
	s := redistest.Start(t)
	s.Stop()
	kv := dial(t, rediskv.Config{URL: s.URL()})
	before := time.Now()
	_, _, err := kv.Get(t.Context(), ctxKey)
	wantCode(t, "get", err, edge.CodeStoreDown)
	wantHint(t, "get", err, "running")
	wantCode(t, "set", kv.Set(t.Context(), ctxKey, nil, 0), edge.CodeStoreDown)
	first := kv.Since()
	if first.Before(before) || first.After(time.Now()) {
		t.Fatalf("away since %v", first)
	}
	for range 200 { // more than any pool has connections
		wantCode(t, "set", kv.Set(t.Context(), ctxKey, nil, 0), edge.CodeStoreDown)
	}
	err = kv.Health(t.Context())
	wantCode(t, "health", err, edge.CodeStoreDown)
	if got := edge.AsError(err).Args["since_ms"]; got != first.UnixMilli() {
		t.Errorf("health says since %v, want %d", got, first.UnixMilli())
	}
	if w := kv.Warnings(t.Context()); w != nil {
		t.Errorf("warnings of nobody: %v", w)
	}
	s.Restart(t)
	backWithin(t, kv, time.Now(), time.Second)
	if err := kv.Health(t.Context()); err != nil || !kv.Since().IsZero() {
		t.Errorf("%v, since %v", err, kv.Since())
	}
}

// backWithin checks that reads and writes work again most after the server does.
func backWithin(t testing.TB, kv edge.KV, back time.Time, most time.Duration) {
	t.Helper()
	var err error
	for end := back.Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if _, _, err = kv.Get(t.Context(), ctxKey); err != nil {
			continue
		}
		if err = kv.Set(t.Context(), ctxKey, []byte("x"), 0); err == nil {
			break
		}
	}
	took := time.Since(back)
	if err != nil || took > most {
		t.Fatalf("back after %v (want %v): %v", took, most, err)
	}
	t.Logf("works again after %v", took.Round(time.Millisecond))
}

func TestPasswords(t *testing.T) {
	s := redistest.StartWith(t, redistest.WithACL("labbox", "hunter2", aclRules))
	wrong := filepath.Join(t.TempDir(), "wrong")
	write := func(text string) {
		if err := os.WriteFile(wrong, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("hunter3\r\n")
	kv := dial(t, rediskv.Config{URL: s.URL(), Username: "labbox", PasswordFile: wrong, KeyPrefix: "campus:"})
	for what, err := range map[string]error{"health": kv.Health(t.Context()), "set": kv.Set(t.Context(), ctxKey, nil, 0)} {
		wantCode(t, what, err, edge.CodeStoreDown)
		wantHint(t, what, err, "does not know this user with this password")
		if e := edge.AsError(err); strings.Contains(e.Error()+e.Hint, "hunter") {
			t.Errorf("%s: the password is in %q", what, err)
		}
	}
	write("hunter2\r\n") // set right while the process runs
	if err := kv.Health(t.Context()); err != nil {
		t.Error(err)
	}
	kv = dial(t, rediskv.Config{URL: s.URL()})
	wantHint(t, "no password", kv.Health(t.Context()), "wants a password")
}

func TestTLSHints(t *testing.T) {
	certs, others := redistest.NewCerts(t), redistest.NewCerts(t)
	s := redistest.StartWith(t, redistest.WithTLS(certs))
	plain := redistest.Start(t)
	byName := strings.Replace(s.URL(), "127.0.0.1", "127.0.0.2", 1)
	for what, c := range map[string]struct {
		cfg  rediskv.Config
		hint string
	}{
		"no CA":          {rediskv.Config{URL: s.URL(), CertFile: s.CertFile, KeyFile: s.KeyFile}, "give its CA file"},
		"another CA":     {rediskv.Config{URL: s.URL(), CAFile: others.CAFile, CertFile: s.CertFile, KeyFile: s.KeyFile}, "give its CA file"},
		"no certificate": {rediskv.Config{URL: s.URL(), CAFile: s.CAFile}, "wants a client certificate"},
		"plain to TLS":   {rediskv.Config{URL: "redis://" + s.Addr()}, "does it want TLS"},
		"TLS to plain":   {rediskv.Config{URL: "rediss://" + plain.Addr(), CAFile: s.CAFile}, "does not speak TLS"},
		"other address":  {rediskv.Config{URL: byName, CAFile: s.CAFile}, "running"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		err := dial(t, c.cfg).Set(ctx, ctxKey, nil, 0)
		cancel()
		wantCode(t, what, err, edge.CodeStoreDown)
		wantHint(t, what, err, c.hint)
	}
	p := redistest.NewProxy(t, s.Addr()) // reached as localhost, whose name stands in the certificate
	kv := dial(t, rediskv.Config{URL: "rediss://" + strings.Replace(p.Addr(), "127.0.0.1", "localhost", 1),
		CAFile: s.CAFile, CertFile: s.CertFile, KeyFile: s.KeyFile})
	if err := kv.Health(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestTLSCut: connections that break while nothing is under way cost no error,
// under TLS too.
func TestTLSCut(t *testing.T) {
	s := redistest.StartWith(t, redistest.WithTLS(redistest.NewCerts(t)))
	p := redistest.NewProxy(t, s.Addr())
	kv := dial(t, rediskv.Config{URL: "rediss://" + p.Addr(), CAFile: s.CAFile, CertFile: s.CertFile, KeyFile: s.KeyFile})
	for range 5 {
		var wg sync.WaitGroup
		for range 8 { // several connections
			wg.Go(func() {
				if err := kv.Set(t.Context(), ctxKey, make([]byte, 1<<16), 0); err != nil {
					t.Errorf("%v (code %q)", err, edge.CodeOf(err))
				}
			})
		}
		wg.Wait()
		p.CutAll()
	}
}
