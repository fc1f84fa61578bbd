package scpi

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Limits of a header.
const (
	maxNodes    = 12
	maxMnemonic = 12 // letters and digits of a node without its suffix (IEEE 488.2, 7.6.1.4.1)
)

// node is one mnemonic of a header pattern.
type node struct {
	short, long      string // lower case
	optional, suffix bool
	least, most      int // of the suffix
}

// pattern is a compiled header.
type pattern struct {
	nodes []node
	query bool
}

// compile reads a header as manuals write it: MEASure:VOLTage[:DC]?,
// [SOURce<n>]:FREQuency, OUTPut<1-4>[:STATe]. Capitals are the short form.
func compile(s string) (pattern, error) {
	var p pattern
	fail := func(why string) (pattern, error) {
		return p, fmt.Errorf("%w: header %q: %s", ErrOptions, s, why)
	}
	rest := s
	if strings.HasSuffix(rest, "?") {
		p.query, rest = true, rest[:len(rest)-1]
	}
	depth := 0
	for rest != "" {
		switch rest[0] {
		case '[':
			depth++
		case ']':
			depth--
		case ':':
		default:
			n := strings.IndexAny(rest, "[]:")
			if n < 0 {
				n = len(rest)
			}
			nd, ok := newNode(rest[:n])
			if !ok {
				return fail("no mnemonic: " + rest[:n])
			}
			nd.optional = depth > 0
			p.nodes = append(p.nodes, nd)
			rest = rest[n:]
			continue
		}
		if depth < 0 {
			return fail("brackets")
		}
		rest = rest[1:]
	}
	need := 0
	for _, n := range p.nodes {
		if !n.optional {
			need++
		}
	}
	if depth != 0 || need == 0 || len(p.nodes) > maxNodes {
		return fail("brackets, or too many or too few nodes")
	}
	return p, nil
}

func newNode(s string) (node, bool) {
	n := node{most: 1<<31 - 1, least: 1}
	if name, suffix, ok := strings.Cut(s, "<"); ok {
		s, n.suffix = name, true
		if from, to, ok := strings.Cut(strings.TrimSuffix(suffix, ">"), "-"); ok {
			var e1, e2 error
			n.least, e1 = strconv.Atoi(from)
			n.most, e2 = strconv.Atoi(to)
			if e1 != nil || e2 != nil || n.most < n.least || n.least < 0 {
				return n, false
			}
		}
	}
	i := 0
	for i < len(s) && (s[i] < 'a' || s[i] > 'z') {
		i++
	}
	n.short, n.long = strings.ToLower(s[:i]), strings.ToLower(s)
	return n, s != "" && isLetter(s[0]) && mnemonic([]byte(s)) && !strings.ContainsAny(s, ":*") && len(s) <= maxMnemonic
}

// match compares the mnemonics of a header, its ? cut off, and notes the suffixes.
// A suffix out of range matches too, wrong is true then.
func (p *pattern) match(header []byte, suffixes *[maxNodes]int) (ok, wrong bool) {
	for i, n := range p.nodes {
		suffixes[i] = max(n.least, min(1, n.most))
	}
	return matchNodes(p.nodes, header, suffixes[:])
}

func matchNodes(nodes []node, h []byte, suffixes []int) (ok, wrong bool) {
	if len(nodes) == 0 {
		return len(h) == 0, false
	}
	if len(h) > 0 {
		word, rest := h, []byte(nil)
		if i := bytes.IndexByte(h, ':'); i >= 0 {
			word, rest = h[:i], h[i+1:]
			if len(rest) == 0 {
				return false, false
			}
		}
		if x, given, fits := nodes[0].match(word); fits {
			old := suffixes[0]
			if given {
				suffixes[0] = x
			}
			if ok, wrong = matchNodes(nodes[1:], rest, suffixes[1:]); ok {
				return true, wrong || given && (x < nodes[0].least || x > nodes[0].most)
			}
			suffixes[0] = old
		}
	}
	if nodes[0].optional {
		return matchNodes(nodes[1:], h, suffixes[1:])
	}
	return false, false
}

// match compares one mnemonic: the short or the long form, nothing between.
func (n *node) match(w []byte) (suffix int, given, ok bool) {
	if fold(w, n.short) || fold(w, n.long) {
		return 0, false, true
	}
	if !n.suffix {
		return 0, false, false
	}
	i := len(w)
	for i > 0 && isDigit(w[i-1]) {
		i--
	}
	if i == len(w) || len(w)-i > 9 || !fold(w[:i], n.short) && !fold(w[:i], n.long) {
		return 0, false, false
	}
	for _, c := range w[i:] {
		suffix = suffix*10 + int(c-'0')
	}
	return suffix, true, true
}
