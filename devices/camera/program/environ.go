package program

import (
	"os"
	"slices"
)

// Passed are the names that a program gets of the box's environment.
func Passed() []string {
	return []string{
		"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "XDG_RUNTIME_DIR",
		"LD_LIBRARY_PATH", "LIBVA_DRIVER_NAME", "GST_PLUGIN_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"SystemRoot", "SystemDrive", "windir", "PATHEXT", "TEMP", "TMP", "USERPROFILE", "ProgramData", // Windows
	}
}

func environ(more []string) []string {
	env := []string{}
	for _, name := range Passed() {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return slices.Concat(env, more)
}
