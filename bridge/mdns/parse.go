package mdns

import (
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// query is a question from the network.
type query struct {
	id        uint16
	questions []dnsmessage.Question
	known     map[string]uint32   // time to live of what the asker has, by record's key
	claims    map[string][]string // proposals of a probe, by name in lower case
}

// claim is a record that somebody else has, or says to have.
type claim struct {
	name string // lower case
	kind dnsmessage.Type
	addr netip.Addr // of A and AAAA
	srv  *dnsmessage.SRVResource
}

// parse reads a message: one of q and claims is set where it can be of use.
func parse(b []byte) (q *query, claims []claim) {
	if len(b) > maxMessage {
		return nil, nil
	}
	var p dnsmessage.Parser
	h, err := p.Start(b)
	if err != nil || h.OpCode != 0 || h.RCode != 0 {
		return nil, nil
	}
	if h.Response {
		return nil, parseResponse(&p)
	}
	q = &query{id: h.ID, known: map[string]uint32{}, claims: map[string][]string{}}
	for {
		one, err := p.Question()
		if err == dnsmessage.ErrSectionDone { //nolint:errorlint // the codec documents ==
			break
		}
		if err != nil || len(q.questions) == maxParts {
			return nil, nil
		}
		q.questions = append(q.questions, one)
	}
	if each(p.AnswerHeader, &p, func(h dnsmessage.ResourceHeader, body dnsmessage.ResourceBody) {
		q.known[keyOf(h.Name.String(), h.Type, body)] = h.TTL
	}) && p.SkipAllAnswers() == nil {
		each(p.AuthorityHeader, &p, func(h dnsmessage.ResourceHeader, body dnsmessage.ResourceBody) {
			n := strings.ToLower(h.Name.String())
			q.claims[n] = append(q.claims[n], proposed(h.Type, body))
		})
	}
	for _, c := range q.claims {
		slices.Sort(c)
	}
	return q, nil
}

func parseResponse(p *dnsmessage.Parser) (claims []claim) {
	if p.SkipAllQuestions() != nil {
		return nil
	}
	note := func(h dnsmessage.ResourceHeader, body dnsmessage.ResourceBody) {
		if h.TTL == 0 || h.Class&classMask != dnsmessage.ClassINET {
			return // somebody says goodbye
		}
		c := claim{name: strings.ToLower(h.Name.String()), kind: h.Type}
		switch b := body.(type) {
		case *dnsmessage.AResource:
			c.addr = netip.AddrFrom4(b.A)
		case *dnsmessage.AAAAResource:
			c.addr = netip.AddrFrom16(b.AAAA)
		case *dnsmessage.SRVResource:
			c.srv = b
		default:
			return
		}
		claims = append(claims, c)
	}
	if each(p.AnswerHeader, p, note) && p.SkipAllAuthorities() == nil {
		each(p.AdditionalHeader, p, note)
	}
	return claims
}

// each calls fn for a section's records, with the body of those that matter here.
// false: the rest cannot be read.
func each(next func() (dnsmessage.ResourceHeader, error), p *dnsmessage.Parser, fn func(dnsmessage.ResourceHeader, dnsmessage.ResourceBody)) bool {
	for range maxParts {
		h, err := next()
		if err == dnsmessage.ErrSectionDone { //nolint:errorlint // the codec documents ==
			return true
		}
		if err != nil {
			return false
		}
		body, err := bodyOf(p, h)
		if err != nil {
			return false
		}
		fn(h, body)
	}
	return false
}

func bodyOf(p *dnsmessage.Parser, h dnsmessage.ResourceHeader) (dnsmessage.ResourceBody, error) {
	switch h.Type {
	case dnsmessage.TypeA:
		b, err := p.AResource()
		return &b, err
	case dnsmessage.TypeAAAA:
		b, err := p.AAAAResource()
		return &b, err
	case dnsmessage.TypePTR:
		b, err := p.PTRResource()
		return &b, err
	case dnsmessage.TypeSRV:
		b, err := p.SRVResource()
		return &b, err
	}
	b, err := p.UnknownResource()
	return &b, err
}
