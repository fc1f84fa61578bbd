package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"labbox/edge/class"
	"labbox/web"
)

// console tells those who sit at the box how people come in: a line each on stdout,
// after the address.
type console struct {
	out       io.Writer
	url       string // of the panel, for this machine
	listening chan struct{}
}

// lookEvery is how often the console looks whether a class has been opened.
const lookEvery = time.Second

// run prints the code for the first account while there is none, and the address of
// the class, until ctx ends.
func (c *console) run(accounts *class.Accounts, srv *web.Server) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			return nil
		case <-c.listening:
		}
		codes, done := make(chan string), make(chan struct{})
		go func() {
			defer close(done)
			accounts.Console(ctx, func(code string) {
				select {
				case codes <- code:
				case <-ctx.Done():
				}
			})
		}()
		defer func() { <-done }()
		t := time.NewTicker(lookEvery)
		defer t.Stop()
		said := ""
		for {
			if url := srv.JoinURL(); url != said {
				if said = url; url != "" {
					fmt.Fprintf(c.out, "class %s\n", url)
					if terminal(c.out) {
						fmt.Fprint(c.out, web.QRText(url))
					}
				}
			}
			select {
			case <-ctx.Done():
				return nil
			case code := <-codes:
				fmt.Fprintf(c.out, "teacher code %s\nteacher page %s/teacher\n", code, c.url)
			case <-t.C:
			}
		}
	}
}

// terminal says whether somebody reads w on a screen.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}
