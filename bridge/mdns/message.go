package mdns

import (
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// Times to live of RFC 6762, 10, in seconds.
const (
	ttlHost   = 120  // what names an address or a port
	ttlOther  = 4500 // the rest
	ttlLegacy = 10   // most for who asks like an ordinary resolver (6.7)
)

const (
	classMask  = 0x7fff
	topBit     = 0x8000              // in a question: QU; in a record: flush the cache
	typeNSEC   = dnsmessage.Type(47) // RFC 4034
	maxMessage = 9000
	maxParts   = 64 // questions, and known answers, that are looked at
)

// services is where the kinds of services are listed (RFC 6763, 9).
const services = "_services._dns-sd._udp.local."

// record is one resource record of ours.
type record struct {
	name   string
	ttl    uint32
	unique bool // nobody else has records of this name and type
	body   dnsmessage.ResourceBody
}

func (r record) kind() dnsmessage.Type {
	switch b := r.body.(type) {
	case *dnsmessage.AResource:
		return dnsmessage.TypeA
	case *dnsmessage.AAAAResource:
		return dnsmessage.TypeAAAA
	case *dnsmessage.PTRResource:
		return dnsmessage.TypePTR
	case *dnsmessage.SRVResource:
		return dnsmessage.TypeSRV
	case *dnsmessage.TXTResource:
		return dnsmessage.TypeTXT
	case *dnsmessage.UnknownResource:
		return b.Type
	}
	return 0
}

// key tells records apart; the data of those that may be known answers is in it.
func (r record) key() string { return keyOf(r.name, r.kind(), r.body) }

func keyOf(name string, t dnsmessage.Type, body dnsmessage.ResourceBody) string {
	data := ""
	switch b := body.(type) {
	case *dnsmessage.AResource:
		data = string(b.A[:])
	case *dnsmessage.AAAAResource:
		data = string(b.AAAA[:])
	case *dnsmessage.PTRResource:
		data = strings.ToLower(b.PTR.String())
	}
	return strings.ToLower(name) + "\x00" + string([]byte{byte(t >> 8), byte(t)}) + data
}

// identity is what one link's answers are made of.
type identity struct {
	host, instance, service string // with the dot at the end
	port                    uint16
	text                    []string
	v4, v6                  []netip.Addr
}

func name(s string) dnsmessage.Name {
	n, _ := dnsmessage.NewName(s) // its length is checked by New
	return n
}

func (id *identity) addresses(t dnsmessage.Type) (out []record) {
	if t == dnsmessage.TypeA || t == dnsmessage.TypeALL {
		for _, a := range id.v4 {
			out = append(out, record{id.host, ttlHost, true, &dnsmessage.AResource{A: a.As4()}})
		}
	}
	if t == dnsmessage.TypeAAAA || t == dnsmessage.TypeALL {
		for _, a := range id.v6 {
			out = append(out, record{id.host, ttlHost, true, &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	return out
}

func (id *identity) srv() record {
	return record{id.instance, ttlHost, true, &dnsmessage.SRVResource{Port: id.port, Target: name(id.host)}}
}

func (id *identity) txt() record {
	return record{id.instance, ttlOther, true, &dnsmessage.TXTResource{TXT: id.text}}
}

func (id *identity) pointer() record {
	return record{id.service, ttlOther, false, &dnsmessage.PTRResource{PTR: name(id.instance)}}
}

func (id *identity) kindPointer() record {
	return record{services, ttlOther, false, &dnsmessage.PTRResource{PTR: name(id.service)}}
}

// all is what is announced.
func (id *identity) all() []record {
	return append(id.addresses(dnsmessage.TypeALL), id.srv(), id.txt(), id.pointer(), id.kindPointer())
}

// none says which types a name of ours has, where another was asked for (6.1).
func (id *identity) none(of string) record {
	var types []byte // RFC 4034, 4.1.2: one window, its bits from the left
	set := func(t dnsmessage.Type) {
		for len(types) <= int(t)/8 {
			types = append(types, 0)
		}
		types[t/8] |= 0x80 >> (t % 8)
	}
	if of == id.host {
		if len(id.v4) > 0 {
			set(dnsmessage.TypeA)
		}
		if len(id.v6) > 0 {
			set(dnsmessage.TypeAAAA)
		}
	} else {
		set(dnsmessage.TypeTXT)
		set(dnsmessage.TypeSRV)
	}
	var data []byte
	for label := range strings.SplitSeq(strings.TrimSuffix(of, "."), ".") {
		data = append(append(data, byte(len(label))), label...)
	}
	data = append(data, 0, 0, byte(len(types)))
	return record{of, ttlHost, true, &dnsmessage.UnknownResource{Type: typeNSEC, Data: append(data, types...)}}
}

// answer returns what we have to say to a question, and what the asker will want
// to know next.
func (id *identity) answer(q dnsmessage.Question) (answers, more []record) {
	if c := q.Class & classMask; c != dnsmessage.ClassINET && c != dnsmessage.ClassANY {
		return nil, nil
	}
	is := func(s string) bool { return strings.EqualFold(q.Name.String(), s) }
	any := q.Type == dnsmessage.TypeALL
	switch {
	case is(id.host):
		if answers = id.addresses(q.Type); len(answers) == 0 {
			return []record{id.none(id.host)}, nil
		}
		if !any {
			other := dnsmessage.TypeA + dnsmessage.TypeAAAA - q.Type
			if more = id.addresses(other); len(more) == 0 {
				more = []record{id.none(id.host)}
			}
		}
	case is(id.instance):
		if any || q.Type == dnsmessage.TypeSRV {
			answers, more = append(answers, id.srv()), id.addresses(dnsmessage.TypeALL)
		}
		if any || q.Type == dnsmessage.TypeTXT {
			answers = append(answers, id.txt())
		}
		if answers == nil {
			answers = []record{id.none(id.instance)}
		}
	case is(id.service) && (any || q.Type == dnsmessage.TypePTR):
		answers = []record{id.pointer()}
		more = append([]record{id.srv(), id.txt()}, id.addresses(dnsmessage.TypeALL)...)
	case is(services) && (any || q.Type == dnsmessage.TypePTR):
		answers = []record{id.kindPointer()}
	}
	return answers, more
}

// pack makes a response. ask is nil but for those who ask like an ordinary
// resolver: they get their id and question back. life is the most that a record may
// live.
func pack(ask *query, answers, more []record, life uint32) ([]byte, error) {
	m := dnsmessage.Message{Header: dnsmessage.Header{Response: true, Authoritative: true}}
	legacy := ask != nil
	if legacy {
		m.ID, m.Questions = ask.id, ask.questions
	}
	put := func(list []record) (out []dnsmessage.Resource) {
		for _, r := range list {
			h := dnsmessage.ResourceHeader{Name: name(r.name), Type: r.kind(), Class: dnsmessage.ClassINET, TTL: min(r.ttl, life)}
			if r.unique && !legacy {
				h.Class |= topBit
			}
			out = append(out, dnsmessage.Resource{Header: h, Body: r.body})
		}
		return out
	}
	m.Answers, m.Additionals = put(answers), put(more)
	return m.Pack()
}

// probe asks whether anybody has our names, and says what we are about to claim (8.1).
func (id *identity) probe() ([]byte, error) {
	var m dnsmessage.Message
	for _, n := range []string{id.host, id.instance} {
		m.Questions = append(m.Questions, dnsmessage.Question{Name: name(n), Type: dnsmessage.TypeALL, Class: dnsmessage.ClassINET | topBit})
	}
	for _, r := range append(id.addresses(dnsmessage.TypeALL), id.srv()) {
		m.Authorities = append(m.Authorities, dnsmessage.Resource{Body: r.body,
			Header: dnsmessage.ResourceHeader{Name: name(r.name), Type: r.kind(), Class: dnsmessage.ClassINET, TTL: r.ttl}})
	}
	return m.Pack()
}

// proposal is what is compared when two probe for one name at once (8.2): class,
// type and data of the records, in order.
func (id *identity) proposal() (out []string) {
	for _, r := range id.addresses(dnsmessage.TypeALL) {
		out = append(out, proposed(r.kind(), r.body))
	}
	slices.Sort(out)
	return out
}

func proposed(t dnsmessage.Type, body dnsmessage.ResourceBody) string {
	data := ""
	switch b := body.(type) {
	case *dnsmessage.AResource:
		data = string(b.A[:])
	case *dnsmessage.AAAAResource:
		data = string(b.AAAA[:])
	}
	return string([]byte{0, 1, byte(t >> 8), byte(t)}) + data
}
