package audit

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
)

// Export writes all lines to w as they are, the oldest first; VerifyFile reads
// them. What is being written now is left out.
func Export(ctx context.Context, dir string, w io.Writer) error {
	files, err := list(dir)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	for _, file := range files {
		f, err := os.Open(file.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		var failed error
		err = lines(f, func(line []byte, _ int, whole bool) bool {
			if whole {
				_, _ = out.Write(line)
				failed = out.WriteByte('\n')
			}
			return failed != nil || ctx.Err() != nil
		})
		if err := errors.Join(failed, err, f.Close(), ctx.Err()); err != nil {
			return err
		}
	}
	return out.Flush()
}
