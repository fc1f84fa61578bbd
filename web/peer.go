package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"labbox/edge"
)

// Peer is the owner of the devices in another process, asked directly by HTTP:
// its recordings (Peer implements Runs), and emergency stops that no broker
// carries. Where it is the store says; the last word counts while the store is
// away. Safe for concurrent use.
type Peer struct {
	box    string
	kv     edge.KV
	client *http.Client

	mu   sync.Mutex
	last edge.Presence
}

// peerEvery is how often the owner's whereabouts are read again.
const peerEvery = 2 * time.Second

// NewPeer returns a Peer of the owner of box. Run keeps it up to date.
func NewPeer(box string, kv edge.KV) *Peer {
	dial := &net.Dialer{Timeout: 2 * time.Second}
	return &Peer{box: box, kv: kv, client: &http.Client{
		Transport: &http.Transport{DialContext: dial.DialContext, MaxIdleConnsPerHost: 8, MaxConnsPerHost: 256, IdleConnTimeout: time.Minute,
			ResponseHeaderTimeout: 15 * time.Second},
		// Whoever the owner is, it does not send its token elsewhere.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Run reads the owner's presence until ctx ends.
func (p *Peer) Run(ctx context.Context) {
	t := time.NewTicker(peerEvery)
	defer t.Stop()
	for {
		p.look(ctx)
		select {
		case <-ctx.Done():
			p.client.CloseIdleConnections()
			return
		case <-t.C:
		}
	}
}

func (p *Peer) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, peerEvery)
	defer cancel()
	b, ok, err := p.kv.Get(ctx, edge.PresenceKey(p.box))
	var now edge.Presence
	if err != nil || !ok || json.Unmarshal(b, &now) != nil {
		return
	}
	p.mu.Lock()
	p.last = now
	p.mu.Unlock()
}

// where is the owner as it was last heard of.
func (p *Peer) where(ctx context.Context) (edge.Presence, error) {
	p.mu.Lock()
	last := p.last
	p.mu.Unlock()
	if last.URL == "" {
		p.look(ctx)
		p.mu.Lock()
		last = p.last
		p.mu.Unlock()
	}
	if last.URL == "" {
		return last, edge.Errorf(edge.CodeNotReady, "nobody has said where the devices of %s are", p.box).
			WithHint("is `labbox run --roles devices` running, and is the store reachable?")
	}
	return last, nil
}

// call sends one request; the caller closes the answer's body.
func (p *Peer) call(ctx context.Context, method string, query url.Values, body any, parts ...string) (*http.Response, error) {
	at, err := p.where(ctx)
	if err != nil {
		return nil, err
	}
	var b []byte
	if body != nil {
		if b, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, ownerURL(at.URL, parts...), bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	r.URL.RawQuery = query.Encode()
	r.Header.Set("Authorization", "Bearer "+at.Token)
	res, err := p.client.Do(r)
	if err != nil {
		return nil, edge.Errorf(edge.CodeNoAnswer, "the owner of the devices at %s does not answer: %w", r.URL.Host, errors.Unwrap(err))
	}
	if res.StatusCode < 300 {
		return res, nil
	}
	defer res.Body.Close()
	var bad struct {
		Error *edge.Error `json:"error"`
	}
	if json.NewDecoder(io.LimitReader(res.Body, maxBody)).Decode(&bad) != nil || bad.Error == nil || bad.Error.Code == "" {
		return nil, edge.Errorf(edge.CodeNoAnswer, "the owner of the devices at %s answered with status %d", r.URL.Host, res.StatusCode)
	}
	if bad.Error.Code == edge.CodeNoSeat { // it started anew, with another token
		p.look(ctx)
		return nil, edge.Errorf(edge.CodeNoAnswer, "the owner of the devices does not know this process").WithHint("try again")
	}
	return nil, bad.Error
}

// Stop asks the owner for an emergency stop.
func (p *Peer) Stop(ctx context.Context, a *edge.Ask) (*edge.Answer, error) {
	before, _ := p.where(ctx)
	res, err := p.call(ctx, http.MethodPost, nil, a, "ask")
	if edge.CodeOf(err) == edge.CodeNoAnswer { // it started anew perhaps, elsewhere or with another token
		p.look(ctx)
		if now, werr := p.where(ctx); werr == nil && now != before {
			res, err = p.call(ctx, http.MethodPost, nil, a, "ask")
		}
	}
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var answer edge.Answer
	return &answer, decode(res.Body, &answer)
}

func decode(r io.Reader, v any) error {
	if err := json.NewDecoder(r).Decode(v); err != nil {
		return edge.Errorf(edge.CodeNoAnswer, "the owner's answer ended early: %w", err)
	}
	return nil
}

// List implements Runs.
func (p *Peer) List(ctx context.Context, device string) ([]edge.Run, error) {
	res, err := p.call(ctx, http.MethodGet, url.Values{"device": {device}}, nil, "runs")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	var body struct {
		Runs []edge.Run `json:"runs"`
	}
	err = decode(res.Body, &body)
	return body.Runs, err
}

// Get implements Runs.
func (p *Peer) Get(ctx context.Context, id string) (edge.Run, error) {
	res, err := p.call(ctx, http.MethodGet, nil, nil, "runs", id)
	if err != nil {
		return edge.Run{}, err
	}
	defer res.Body.Close()
	var body struct {
		Run edge.Run `json:"run"`
	}
	err = decode(res.Body, &body)
	return body.Run, err
}

// CSV implements Runs.
func (p *Peer) CSV(ctx context.Context, id, lang string, w io.Writer) error {
	res, err := p.call(ctx, http.MethodGet, url.Values{"lang": {lang}}, nil, "runs", id, "csv")
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(w, res.Body)
	return err
}

// Delete implements Runs.
func (p *Peer) Delete(ctx context.Context, id string) error {
	res, err := p.call(ctx, http.MethodDelete, nil, nil, "runs", id)
	if err != nil {
		return err
	}
	return res.Body.Close()
}
