package main

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"time"

	"labbox/edge"
)

func healthCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	ca := fs.String("ca", "", "`FILE` with the certificates that the box's is checked against")
	return func(ctx context.Context, s streams, args []string) error {
		url := "http://127.0.0.1:8080"
		if len(args) > 0 {
			url = args[0]
		}
		return askHealth(ctx, s, url, *ca)
	}
}

// askHealth is nil when the box answers that it is well.
func askHealth(ctx context.Context, s streams, url, ca string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+"/healthz", nil)
	if err != nil {
		return edge.Errorf(edge.CodeBadRequest, "%w", err)
	}
	conf, err := clientTLS(req.URL.Hostname(), ca)
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: conf}}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, res.Status)
	}
	fmt.Fprintln(s.out, "ok")
	return nil
}
