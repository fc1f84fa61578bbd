package web

import (
	"embed"
	"io/fs"
)

// uiFiles are the panel's files as they were written: no build step.
//
//go:embed ui/*.html ui/*.js ui/*.css ui/*.svg ui/i18n ui/teacher ui/vendor
var uiFiles embed.FS

func embedded() fs.FS {
	sub, err := fs.Sub(uiFiles, "ui")
	if err != nil {
		return uiFiles // "ui" is a valid path: cannot be
	}
	return sub
}
