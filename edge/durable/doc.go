// Package durable makes what was written survive a power cut: the bytes of a file,
// and the names in a directory.
//
//	f.Write(b)
//	err := durable.Data(f)                 // the bytes, and the size
//	err = durable.Names(filepath.Dir(path)) // that the file is there at all
//
// It knows the standard library only, so that every package may use it.
// Known limits: on Windows names cannot be synced; what a disk with a volatile
// cache claims is believed.
package durable
