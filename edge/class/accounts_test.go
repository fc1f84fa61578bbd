package class

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"labbox/edge"
)

const secret = "correct horse"

// testClock is the monotonic clock of a test's accounts.
type testClock struct {
	mu  sync.Mutex
	now time.Duration
}

func (c *testClock) mono() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += d
}

func accounts(kv *fakeKV, file string) *Accounts {
	return NewAccounts(AccountsConfig{KV: kv, Box: "bench", Mono: (&testClock{}).mono, ResetFile: file})
}

// teacher makes an account by a colleague's code.
func teacher(t *testing.T, a *Accounts, name string) Account {
	t.Helper()
	code, err := a.NewCode(t.Context(), edge.RoleTeacher)
	if err != nil {
		t.Fatal(err)
	}
	acc, err := a.SignUp(t.Context(), "10.0.0.1", code, name, secret)
	if err != nil {
		t.Fatal(err)
	}
	return acc
}

func TestSignUpAndIn(t *testing.T) {
	kv := newKV()
	a := accounts(kv, "")
	acc := teacher(t, a, "Ms Frizzle")
	if acc.Role != edge.RoleTeacher || !strings.HasPrefix(acc.Hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("%+v", acc)
	}
	for _, v := range kv.dump() {
		if strings.Contains(v, secret) {
			t.Fatal("the password is in the store")
		}
	}
	if got, err := a.SignIn(t.Context(), "10.0.0.2", "ms frizzle", secret); err != nil || got.Gen != acc.Gen {
		t.Fatal(got, err)
	}
	list, _ := a.List(t.Context())
	if len(list) != 1 || list[0].Hash != "" || list[0].Gen != "" {
		t.Fatal(list)
	}
	for _, p := range []string{"", "short", strings.Repeat("x", 300), "\xff\xff\xff\xff\xff\xff\xff\xff\xff"} {
		code, _ := a.NewCode(t.Context(), edge.RoleTeacher)
		if _, err := a.SignUp(t.Context(), "10.0.0.9", code, "New", p); edge.CodeOf(err) != edge.CodeBadValue {
			t.Errorf("password %q: %v", p, err)
		}
	}
}

// A wrong password and a name that nobody has are the same to who asks: one code, one
// text, one hash.
func TestNoUserEnumeration(t *testing.T) {
	clock := &testClock{}
	a := NewAccounts(AccountsConfig{KV: newKV(), Box: "bench", Mono: clock.mono})
	teacher(t, a, "Known")
	said := map[string]string{}
	for _, name := range []string{"Known", "Unknown", "", strings.Repeat("x", 10_000)} {
		var all []string
		for range 8 {
			clock.pass(0)
			_, err := a.SignIn(t.Context(), "10.0.0."+name[:min(1, len(name))], name, "wrong password")
			e := edge.AsError(err)
			all = append(all, string(e.Code)+e.Message+e.Hint)
		}
		said[name[:min(5, len(name))]] = strings.Join(all, "\n")
	}
	for name, s := range said {
		if s != said["Known"] {
			t.Errorf("%q:\n%s\nKnown:\n%s", name, s, said["Known"])
		}
	}
	if !strings.Contains(said["Known"], string(edge.CodeTooMany)) {
		t.Error("no delay")
	}
}

func TestDelaysGrow(t *testing.T) {
	var d delays
	var waits []time.Duration
	now := time.Hour
	for range 14 {
		w, err := d.begin("ann", "10.0.0.1", now)
		if err != nil {
			t.Fatal(err)
		}
		if w > 0 {
			if _, err := d.begin("ann", "10.0.0.1", now); edge.CodeOf(err) != edge.CodeTooMany {
				t.Fatalf("a second try within %v: %v", w, err)
			}
		}
		waits = append(waits, w)
		now += w
	}
	if waits[2] != 0 && waits[3] != time.Second || waits[13] != addressDelay {
		t.Fatal(waits)
	}
	for i := 4; i < len(waits); i++ {
		if waits[i] < waits[i-1] {
			t.Fatal(waits)
		}
	}
	// From elsewhere the account's own wait counts, which is short.
	for range 20 {
		if w, err := d.begin("ann", "10.0.0.2", now); err != nil || w > addressDelay {
			t.Fatal(w, err)
		}
		now += 10 * time.Minute
	}
	d.passed("ann", "10.0.0.7")
	for i := range 10 { // somebody guesses; she who has been in before does not wait
		_, _ = d.begin("ann", "10.1.0."+string(rune('0'+i)), now)
	}
	if _, err := d.begin("ann", "10.2.0.1", now); edge.CodeOf(err) != edge.CodeTooMany {
		t.Fatal("many addresses guess one account without a wait:", err)
	}
	if w, err := d.begin("ann", "10.0.0.7", now); err != nil || w != 0 {
		t.Fatal(w, err)
	}
}

// Thousands of names, from one address or from many, end nobody's wait.
func TestManyNamesEndNoWait(t *testing.T) {
	for name, from := range map[string]func(int) string{
		"one address":    func(int) string { return "10.0.0.1" },
		"many addresses": func(i int) string { return "10.9." + strconv.Itoa(i) },
	} {
		var d delays
		now := time.Hour
		for range 12 {
			w, _ := d.begin("ann", "10.0.0.1", now)
			now += w
		}
		_, _ = d.begin("ann", "10.0.0.1", now)
		for i := range 3 * maxTriers {
			_, _ = d.begin("x"+strconv.Itoa(i), from(i), now)
		}
		if _, err := d.begin("ann", "10.0.0.1", now); edge.CodeOf(err) != edge.CodeTooMany {
			t.Errorf("%s: the wait is over: %v", name, err)
		}
		if len(d.by) > maxTriers+1 {
			t.Errorf("%s: %d are remembered", name, len(d.by))
		}
	}
}

// A hundred tries at once are not a hundred free ones.
func TestParallelTriesAreCounted(t *testing.T) {
	a := accounts(newKV(), "")
	teacher(t, a, "Known")
	var wg sync.WaitGroup
	var mu sync.Mutex
	looked := 0
	for range 50 {
		wg.Go(func() {
			if _, err := a.SignIn(context.Background(), "10.0.0.5", "Known", "wrong password"); edge.CodeOf(err) == edge.CodeBadLogin {
				mu.Lock()
				looked++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if looked > freeTries+1 {
		t.Fatalf("%d tries were looked at", looked)
	}
}

func TestCodesAreOneTime(t *testing.T) {
	kv := newKV()
	a := accounts(kv, "")
	code, _ := a.NewCode(t.Context(), edge.RoleOperator)
	if _, err := a.SignUp(t.Context(), "1.1.1.1", "BBBB-BBBB-BBBB", "Eve", secret); edge.CodeOf(err) != edge.CodeBadLogin {
		t.Fatal(err)
	}
	acc, err := a.SignUp(t.Context(), "1.1.1.1", strings.ToLower(code), "Ann", secret)
	if err != nil || acc.Role != edge.RoleOperator {
		t.Fatal(acc, err)
	}
	if _, err := a.SignUp(t.Context(), "1.1.1.2", code, "Eve", secret); edge.CodeOf(err) != edge.CodeBadLogin {
		t.Fatal("twice:", err)
	}
	code, _ = a.NewCode(t.Context(), edge.RoleTeacher)
	if _, err := a.SignUp(t.Context(), "1.1.1.3", code, "ann", secret); edge.CodeOf(err) != edge.CodeNameUsed {
		t.Fatal("takes an account over:", err)
	}
	kv.advance(CodeKeep + time.Minute)
	if _, err := a.SignUp(t.Context(), "1.1.1.4", code, "Bob", secret); edge.CodeOf(err) != edge.CodeBadLogin {
		t.Fatal("expired:", err)
	}
	if _, err := a.NewCode(t.Context(), edge.RoleStudent); edge.CodeOf(err) != edge.CodeBadValue {
		t.Fatal(err)
	}
	for _, v := range kv.dump() {
		if strings.Contains(v, CleanCode(code)) {
			t.Fatal("a code is in the store")
		}
	}
}

func TestConsoleCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kv := newKV()
		a := accounts(kv, "")
		codes := make(chan string, 4)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { a.Console(ctx, func(c string) { codes <- c }); close(done) }()
		first := <-codes
		time.Sleep(time.Hour) // it is kept alive
		synctest.Wait()
		if len(codes) != 0 {
			t.Fatal("another code")
		}
		kv.advance(2 * consoleKeep) // the store has lost it
		time.Sleep(time.Minute)
		second := <-codes
		if _, err := a.SignUp(t.Context(), "1.1.1.1", first, "Eve", secret); edge.CodeOf(err) != edge.CodeBadLogin {
			t.Fatal(err)
		}
		if acc, err := a.SignUp(t.Context(), "1.1.1.2", second, "Ann", secret); err != nil || acc.Role != edge.RoleOperator {
			t.Fatal(acc, err)
		}
		<-done // there is an account
		cancel()
	})
}

// A code that another process printed counts no more once there is an account.
func TestConsoleCodeOfAnotherProcess(t *testing.T) {
	kv := newKV()
	a := accounts(kv, "")
	code, err := a.store(t.Context(), oneTime{Role: edge.RoleOperator, Console: true}, consoleKeep)
	if err != nil {
		t.Fatal(err)
	}
	teacher(t, a, "Ann")
	if _, err := a.SignUp(t.Context(), "1.1.1.1", code, "Eve", secret); edge.CodeOf(err) != edge.CodeBadLogin {
		t.Fatal(err)
	}
}

func TestResetFile(t *testing.T) {
	dir := t.TempDir()
	a := accounts(newKV(), filepath.Join(dir, ResetFile))
	s := New(a.kv, "bench")
	acc := teacher(t, a, "Ann")
	_, token, _ := s.Session(t.Context(), acc)
	old, _ := WriteReset(dir)
	code, err := WriteReset(dir)
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(filepath.Join(dir, ResetFile)); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatal(st, err)
	}
	if _, err := a.SignUp(t.Context(), "1.1.1.1", old, "Ann", "another one"); edge.CodeOf(err) != edge.CodeBadLogin {
		t.Fatal("an older code:", err)
	}
	got, err := a.SignUp(t.Context(), "1.1.1.2", code, "ann", "another one")
	if err != nil || got.Name != "Ann" || got.Gen == acc.Gen {
		t.Fatal(got, err)
	}
	if _, err := s.Lookup(t.Context(), token); edge.CodeOf(err) != edge.CodeNoSeat {
		t.Fatal("an old session goes on:", err)
	}
	if _, err := a.SignIn(t.Context(), "1.1.1.3", "Ann", "another one"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.SignUp(t.Context(), "1.1.1.4", code, "Eve", secret); edge.CodeOf(err) != edge.CodeBadLogin {
		t.Fatal("twice:", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Fatal(left)
	}
}

func TestPasswordAndRemoval(t *testing.T) {
	a := accounts(newKV(), "")
	s := New(a.kv, "bench")
	acc := teacher(t, a, "Ann")
	_, token, _ := s.Session(t.Context(), acc)
	if _, err := a.SetPassword(t.Context(), "1.1.1.1", "Ann", "wrong password", "new password"); edge.CodeOf(err) != edge.CodeBadLogin {
		t.Fatal(err)
	}
	now, err := a.SetPassword(t.Context(), "1.1.1.1", "Ann", secret, "new password")
	if err != nil || now.Role != edge.RoleTeacher {
		t.Fatal(now, err)
	}
	if _, err := s.Lookup(t.Context(), token); edge.CodeOf(err) != edge.CodeNoSeat {
		t.Fatal("an old session goes on:", err)
	}
	if err := a.Remove(t.Context(), "Ann", edge.RoleOperator); edge.CodeOf(err) != edge.CodeForbidden {
		t.Fatal("the last account:", err)
	}
	teacher(t, a, "Bob")
	_, token, _ = s.Session(t.Context(), now)
	if err := a.Remove(t.Context(), "ANN", edge.RoleTeacher); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Lookup(t.Context(), token); edge.CodeOf(err) != edge.CodeNoSeat {
		t.Fatal("the session of a removed account goes on:", err)
	}
	if err := a.Remove(t.Context(), "Ann", edge.RoleOperator); edge.CodeOf(err) != edge.CodeNotFound {
		t.Fatal(err)
	}
}

// Before there are accounts who sits at the bench is a teacher; then no more.
func TestBenchSeat(t *testing.T) {
	a := accounts(newKV(), "")
	s := New(a.kv, "bench")
	seat, token, err := s.Join(t.Context(), Entry{Nickname: "Ann", Kind: KindBench})
	if err != nil || seat.Role != edge.RoleTeacher {
		t.Fatal(seat, err)
	}
	teacher(t, a, "Bob")
	if f, err := s.Lookup(t.Context(), token); err != nil || f.Role != edge.RoleStudent {
		t.Fatal(f, err)
	}
}

func FuzzPHC(f *testing.F) {
	good := phc{usual(), make([]byte, saltLen), make([]byte, keyLen)}.String()
	for _, s := range []string{good, "", "$argon2id$v=19$m=99999999,t=2,p=1$$", "$argon2i$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$a2V5", good[:len(good)-1]} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePHC(s)
		if err != nil {
			return
		}
		if p.memory > mostMemory || p.time > mostTime || p.threads > mostThreads || p.threads == 0 {
			t.Fatalf("%+v", p.cost)
		}
		if q, err := parsePHC(p.String()); err != nil || q.cost != p.cost {
			t.Fatalf("%q: %v", s, err)
		}
	})
}

func BenchmarkPassword(b *testing.B) {
	h := newHasher()
	for b.Loop() {
		if _, err := h.hash(context.Background(), secret); err != nil {
			b.Fatal(err)
		}
	}
}
