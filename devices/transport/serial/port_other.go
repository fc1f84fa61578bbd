//go:build !linux

package serial

const forbiddenHint = "ask the administrator for access to the port"

func open(path string, o Options, release func()) (line, error) { return openLibrary(path, o, release) }

// errnoBusy: the library tells by its own code.
func errnoBusy(error) bool { return false }
