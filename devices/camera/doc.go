// Package camera owns the cameras of a box: one reader for any number of watchers.
//
//	set, err := camera.New(camera.Config{Box: box, Clock: clock, KV: kv, Logger: log, Sources: open})
//	...
//	go set.Run(ctx)
//	err = set.Watch(ctx, "bench", func(p edge.Picture) error { return send(p) })
//
// A camera's source (package source) is opened for its first watcher or recorder and
// closed Grace after the last. The newest picture wins: a watcher that is slow skips
// pictures and holds nobody. A source that fails is tried again after pauses that grow
// from 0.5 s to 15 s and are shortened by chance by up to a fifth; a picture ends the
// growth. One that is open and gives no picture for five periods, at least 5 s, is
// closed and tried again (why "stalled"); for its first picture it has 15 s, as some
// need to find the beginning of their stream.
//
// What a source gives is judged before anybody sees it: pictures beyond the camera's
// rate are dropped first; the rest have to be at most so large, begin as a JPEG and say
// their dimensions; masks are painted into the picture itself, which is then encoded
// anew, without what else was in the file (a thumbnail, a place). What cannot be decoded
// cannot be masked, and is dropped.
//
// A teacher covers a camera: its source is closed, watchers end, nothing is kept, over
// restarts, too. If the store cannot say whether a camera is covered, it is.
//
// Known limits: a picture without masks is passed on as it came, with what its maker
// wrote into it; its pixels are not looked at. A masked picture loses its orientation
// tag: masks are rectangles of the picture as it is stored.
package camera
