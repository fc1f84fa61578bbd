package rediskv_test

import (
	"os"
	"strings"
	"testing"

	"labbox/edge/rediskv"
)

// TestDocumentedUser: the user that passes the contract is the documented one.
func TestDocumentedUser(t *testing.T) {
	b, err := os.ReadFile("../../docs/ref/store.md")
	if err != nil {
		t.Fatal(err)
	}
	if line := "user lab on >SECRET " + aclRules; !strings.Contains(string(b), line+"\n") {
		t.Errorf("docs/ref/store.md lacks %q", line)
	}
	if !strings.Contains(aclRules, rediskv.Needs) {
		t.Error("the tests use another user")
	}
}
