package class

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"labbox/edge"
)

// MaxAccounts bounds the teachers of a box.
const MaxAccounts = 50

// CodeKeep is how long a one-time code for a colleague counts.
const CodeKeep = time.Hour

// Account is a teacher or an operator.
type Account struct {
	Name string    `json:"name"`
	Role edge.Role `json:"role"`
	Hash string    `json:"hash"` // of the password, PHC string
	// Gen changes with the password: sessions of an older one are over.
	Gen string `json:"gen"`
}

// book is the accounts as they are stored, in one value: a name twice, or one too
// many, cannot be.
type book struct {
	List []Account `json:"accounts"`
}

func (b *book) find(name string) (Account, bool) {
	i := slices.IndexFunc(b.List, func(a Account) bool { return fold(a.Name) == fold(name) })
	if i < 0 {
		return Account{}, false
	}
	return b.List[i], true
}

func accountsKey(box string) string { return edge.Key(box, "accounts") }

func readAccounts(ctx context.Context, kv edge.KV, box string) (*book, error) {
	b, _, err := readBook(ctx, kv, box)
	return b, err
}

func readBook(ctx context.Context, kv edge.KV, box string) (*book, []byte, error) {
	raw, ok, err := kv.Get(ctx, accountsKey(box))
	if err != nil {
		return nil, nil, fmt.Errorf("class: read accounts: %w", err)
	}
	b := &book{}
	if !ok {
		return b, nil, nil
	}
	if err := json.Unmarshal(raw, b); err != nil {
		return nil, nil, fmt.Errorf("class: accounts in the store: %w", err)
	}
	return b, raw, nil
}

// Accounts are those who may teach. It is safe for concurrent use, also by several
// processes on one store; delays after wrong tries are the process's own.
type Accounts struct {
	kv     edge.KV
	box    string
	mono   func() time.Duration
	reset  string
	hasher *hasher
	tried  delays
}

// AccountsConfig is what Accounts are made of. KV, Box and Mono are needed.
type AccountsConfig struct {
	KV   edge.KV
	Box  string
	Mono func() time.Duration
	// ResetFile is where `labbox teacher reset` leaves the hash of a code; "": nowhere.
	ResetFile string
}

// NewAccounts returns the accounts of a box.
func NewAccounts(c AccountsConfig) *Accounts {
	return &Accounts{kv: c.KV, box: c.Box, mono: c.Mono, reset: c.ResetFile, hasher: newHasher()}
}

// Exist says whether there is any account.
func (a *Accounts) Exist(ctx context.Context) (bool, error) {
	b, err := readAccounts(ctx, a.kv, a.box)
	return err == nil && len(b.List) > 0, err
}

// List returns the accounts by name, without their hashes.
func (a *Accounts) List(ctx context.Context) ([]Account, error) {
	b, err := readAccounts(ctx, a.kv, a.box)
	if err != nil {
		return nil, err
	}
	for i := range b.List {
		b.List[i].Hash, b.List[i].Gen = "", ""
	}
	slices.SortFunc(b.List, func(x, y Account) int { return compare(fold(x.Name), fold(y.Name)) })
	return b.List, nil
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// edit changes the accounts: fn is given them, perhaps several times.
func (a *Accounts) edit(ctx context.Context, fn func(*book) error) error {
	for range swaps {
		b, old, err := readBook(ctx, a.kv, a.box)
		if err != nil {
			return err
		}
		if err := fn(b); err != nil {
			return err
		}
		raw, err := json.Marshal(b)
		if err != nil {
			return fmt.Errorf("class: encode accounts: %w", err)
		}
		var ok bool
		if old == nil {
			ok, err = a.kv.Create(ctx, accountsKey(a.box), raw, 0)
		} else {
			ok, err = a.kv.Swap(ctx, accountsKey(a.box), old, raw, 0)
		}
		if err != nil {
			return fmt.Errorf("class: store accounts: %w", err)
		}
		if ok {
			return nil
		}
	}
	return errBusy()
}

// SignIn checks a name and a password. CodeBadLogin says no more than that one of
// the two is wrong; CodeTooMany, that it was not looked at. from is the address.
func (a *Accounts) SignIn(ctx context.Context, from, name, password string) (Account, error) {
	if len(name) > 4*maxRunes || len(password) > maxPassword {
		name, password = "?", "?" // of nobody; takes as long as any other
	}
	key := hash(fold(name))
	wait, err := a.tried.begin(key, from, a.mono())
	if err != nil {
		return Account{}, err
	}
	b, err := readAccounts(ctx, a.kv, a.box)
	if err != nil {
		return Account{}, err
	}
	acc, _ := b.find(name)
	ok, err := a.hasher.verify(ctx, password, acc.Hash)
	if err != nil {
		return Account{}, err
	}
	if !ok {
		return Account{}, errWait(edge.CodeBadLogin, "name or password are wrong", wait)
	}
	a.tried.passed(key, from)
	return acc, nil
}

// SetPassword changes the password of an account whose old one is known. All its
// sessions end.
func (a *Accounts) SetPassword(ctx context.Context, from, name, old, new string) (Account, error) {
	if err := CheckPassword(new); err != nil {
		return Account{}, err
	}
	if _, err := a.SignIn(ctx, from, name, old); err != nil {
		return Account{}, err
	}
	return a.put(ctx, Account{Name: name}, new, true)
}

// put stores an account with a new password. over: it is there already, and keeps
// its role unless acc has one.
func (a *Accounts) put(ctx context.Context, acc Account, password string, over bool) (Account, error) {
	h, err := a.hasher.hash(ctx, password)
	if err != nil {
		return Account{}, err
	}
	acc.Hash, acc.Gen = h, newToken()[:12]
	err = a.edit(ctx, func(b *book) error {
		i := slices.IndexFunc(b.List, func(x Account) bool { return fold(x.Name) == fold(acc.Name) })
		switch {
		case i >= 0 && !over:
			return edge.Errorf(edge.CodeNameUsed, "this name has an account already").With("field", "name")
		case i >= 0:
			if acc.Role == "" {
				acc.Role = b.List[i].Role
			}
			acc.Name = b.List[i].Name
			b.List[i] = acc
		case acc.Role == "":
			return edge.Errorf(edge.CodeBadLogin, "the account is gone")
		case len(b.List) >= MaxAccounts:
			return edge.Errorf(edge.CodeTooMany, "there are %d accounts already", MaxAccounts).With("max", MaxAccounts)
		default:
			b.List = append(b.List, acc)
		}
		return nil
	})
	return acc, err
}

// Remove removes an account; its sessions end. The last one stays: without any, who
// sits at the box is a teacher.
func (a *Accounts) Remove(ctx context.Context, name string, by edge.Role) error {
	return a.edit(ctx, func(b *book) error {
		acc, ok := b.find(name)
		switch {
		case !ok:
			return edge.Errorf(edge.CodeNotFound, "no such account").With("field", "name")
		case !by.AtLeast(acc.Role):
			return edge.Errorf(edge.CodeForbidden, "a %s may not remove an %s", by, acc.Role).With("role", string(by)).With("verb", "box")
		case len(b.List) == 1:
			return edge.Errorf(edge.CodeForbidden, "the last account stays").WithHint("make another first, or `labbox teacher reset` at the box")
		}
		b.List = slices.DeleteFunc(b.List, func(x Account) bool { return x.Name == acc.Name })
		return nil
	})
}
