package devices

import (
	"os"
	"path/filepath"
	"testing"
)

// Type files that were written for devices that labbox was not made for, from
// their public descriptions: they stay readable, and say what they said.
func TestUnfamiliarDevices(t *testing.T) {
	files, err := filepath.Glob("testdata/unfamiliar/*.yaml")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		t.Run(filepath.Base(f), func(t *testing.T) {
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			typ, ps := ParseType(f, data)
			if err := ps.Err(); err != nil {
				t.Fatal(err)
			}
			if len(typ.Transcripts) == 0 {
				t.Fatal("no transcript")
			}
			if err := CheckTranscripts(f, data).Err(); err != nil {
				t.Error(err)
			}
		})
	}
}
