package class

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"labbox/edge"
)

// ResetFile is the name of the file in the data directory in which
// `labbox teacher reset` leaves the hash of a code.
const ResetFile = "teacher-reset"

// consoleKeep is how long a code of the console outlives the process that printed it.
const consoleKeep = 2 * time.Minute

// oneTime is a code as it is stored, under its hash.
type oneTime struct {
	Role    edge.Role `json:"role"`
	Console bool      `json:"console,omitempty"` // counts only while there is no account
	Reset   bool      `json:"reset,omitempty"`   // may set the password of an account that is there
}

func (a *Accounts) codeKey(hash string) string { return edge.Key(a.box, "code", hash) }

// NewCode makes a one-time code with which a colleague makes an account.
func (a *Accounts) NewCode(ctx context.Context, role edge.Role) (string, error) {
	if role != edge.RoleTeacher && role != edge.RoleOperator {
		return "", edge.Errorf(edge.CodeBadValue, "an account is a teacher's or an operator's").With("field", "role")
	}
	b, err := readAccounts(ctx, a.kv, a.box)
	if err != nil {
		return "", err
	}
	if len(b.List) >= MaxAccounts {
		return "", edge.Errorf(edge.CodeTooMany, "there are %d accounts already", MaxAccounts).With("max", MaxAccounts)
	}
	return a.store(ctx, oneTime{Role: role}, CodeKeep)
}

func (a *Accounts) store(ctx context.Context, o oneTime, keep time.Duration) (string, error) {
	code := newCode(oneTimeLen)
	raw, err := json.Marshal(o)
	if err != nil {
		return "", fmt.Errorf("class: encode code: %w", err)
	}
	if err := a.kv.Set(ctx, a.codeKey(hash(code)), raw, keep); err != nil {
		return "", fmt.Errorf("class: store code: %w", err)
	}
	return grouped(code), nil
}

// ResetCode makes a code that makes an operator's account or sets the password of
// one that is there; for who may write to the store.
func (a *Accounts) ResetCode(ctx context.Context) (string, error) {
	return a.store(ctx, oneTime{Role: edge.RoleOperator, Reset: true}, CodeKeep)
}

// Console keeps a code alive while there is no account: it hands it to show whenever
// there is a new one. It returns when there is an account, or with ctx.
func (a *Accounts) Console(ctx context.Context, show func(code string)) {
	code := ""
	for {
		within, cancel := context.WithTimeout(ctx, consoleKeep/4)
		there, err := a.Exist(within)
		switch {
		case err != nil: // tried again
		case there:
			if code != "" {
				_, _ = a.kv.Delete(within, a.codeKey(hash(CleanCode(code))))
			}
			cancel()
			return
		default:
			ok := false
			if code != "" {
				ok, err = a.kv.Touch(within, a.codeKey(hash(CleanCode(code))), consoleKeep)
			}
			if !ok && err == nil {
				if code, err = a.store(within, oneTime{Role: edge.RoleOperator, Console: true}, consoleKeep); err == nil {
					show(code)
				}
			}
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-time.After(consoleKeep / 4):
		}
	}
}

// SignUp makes an account with a one-time code. A code of `labbox teacher reset` also
// sets the password of an account that is there. from is the address.
func (a *Accounts) SignUp(ctx context.Context, from, code, name, password string) (Account, error) {
	name, err := CleanNickname(name)
	if err != nil {
		return Account{}, edge.AsError(err).With("field", "name")
	}
	if err := CheckPassword(password); err != nil {
		return Account{}, err
	}
	wait, err := a.tried.begin("", from, a.mono())
	if err != nil {
		return Account{}, err
	}
	o, claim, err := a.judge(ctx, code)
	if err != nil {
		return Account{}, err
	}
	if claim == nil {
		return Account{}, errWait(edge.CodeBadLogin, "the code is wrong or was used", wait)
	}
	if !o.Reset { // a code is not lost to a name that cannot be
		b, err := readAccounts(ctx, a.kv, a.box)
		if err != nil {
			return Account{}, err
		}
		if _, used := b.find(name); used {
			return Account{}, edge.Errorf(edge.CodeNameUsed, "this name has an account already").With("field", "name")
		}
	}
	if ok, err := claim(); err != nil || !ok {
		if err == nil {
			err = errWait(edge.CodeBadLogin, "the code is wrong or was used", wait)
		}
		return Account{}, err
	}
	acc, err := a.put(ctx, Account{Name: name, Role: o.Role}, password, o.Reset)
	if err == nil {
		a.tried.passed(hash(fold(acc.Name)), from)
	}
	return acc, err
}

// judge finds what a code is good for, and how to use it up: claim says true once.
// A nil claim: nothing.
func (a *Accounts) judge(ctx context.Context, code string) (o oneTime, claim func() (bool, error), err error) {
	clean := CleanCode(code)
	if len(clean) != oneTimeLen {
		return o, nil, nil
	}
	h := hash(clean)
	if a.fits(h) {
		return oneTime{Role: edge.RoleOperator, Reset: true}, func() (bool, error) { return a.useFile() }, nil
	}
	raw, ok, err := a.kv.Get(ctx, a.codeKey(h))
	if err != nil {
		return o, nil, fmt.Errorf("class: read code: %w", err)
	}
	if !ok {
		return o, nil, nil
	}
	if err := json.Unmarshal(raw, &o); err != nil {
		return o, nil, fmt.Errorf("class: code in the store: %w", err)
	}
	if o.Console {
		if there, err := a.Exist(ctx); err != nil || there {
			return o, nil, err
		}
	}
	return o, func() (bool, error) {
		n, err := a.kv.Delete(ctx, a.codeKey(h))
		if err != nil {
			return false, fmt.Errorf("class: use code: %w", err)
		}
		return n == 1, nil
	}, nil
}

// fits says whether a code's hash is that of the reset file.
func (a *Accounts) fits(h string) bool {
	if a.reset == "" {
		return false
	}
	b, err := os.ReadFile(a.reset)
	return err == nil && len(b) < 256 && subtle.ConstantTimeCompare([]byte(strings.TrimSpace(string(b))), []byte(h)) == 1
}

func (a *Accounts) useFile() (bool, error) {
	err := os.Remove(a.reset) // of two at once, one
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("class: use reset code: %w", err)
	}
	return true, nil
}

// WriteReset leaves a new code's hash in dir, for a labbox that runs on it or will,
// and returns the code. It counts until it is used, or another is made.
func WriteReset(dir string) (string, error) {
	code := newCode(oneTimeLen)
	path := filepath.Join(dir, ResetFile)
	tmp, err := os.CreateTemp(dir, ResetFile+"-") // mode 0600
	if err != nil {
		return "", fmt.Errorf("class: reset file: %w", err)
	}
	_, err = tmp.WriteString(hash(code) + "\n")
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
		return "", fmt.Errorf("class: reset file: %w", err)
	}
	return grouped(code), nil
}
