package main

import (
	"os"
	"path/filepath"

	"labbox/edge/config"
)

// checkPasswords says which password files of cameras cannot be opened, as is said of
// the token files of devices.
func checkPasswords(name string, data []byte, box *config.Box) config.Problems {
	var again config.Box
	doc := config.Decode(name, data, &again)
	for i := range box.Cameras {
		file := box.Cameras[i].Source.Password
		if file == "" {
			continue
		}
		if !filepath.IsAbs(file) {
			file = filepath.Join(box.Dir, file)
		}
		h, err := os.Open(file)
		if err != nil {
			doc.Add("bad_config", "password_file: "+err.Error(), "a file that holds the password and nothing else, relative to the box file",
				"cameras", i, "source", "password_file")
			continue
		}
		_ = h.Close()
	}
	return doc.Problems()
}
