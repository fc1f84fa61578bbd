// Package record keeps what every device said: always on, once per device,
// into checksummed segment files of which the last hour is kept. A run is a
// window over them with metadata that pins its segments, so thirty students
// record for the price of one and the time before the trigger comes free.
//
//	s, err := record.Open(ctx, record.Config{Dir: dir, Box: "bench", Clock: clock})
//	s.Contract("pendulum", record.InfoOf(contract))
//	s.Frame("pendulum", bytes)        // from edge/frame; never waits for the disk
//	run, err := s.StartRun(ctx, record.RunMeta{Device: "pendulum", Name: "free fall",
//		By: actor.Ref(), PreTrigger: 5 * time.Second})
//	err = s.AddPicture(ctx, run.ID, record.PictureOf{ID: "door"}, clock.Mono(), jpeg, 0)
//	run, err = s.StopRun(ctx, run.ID, actor.Ref())
//	p, err := s.PictureAt(ctx, run.ID, "door", 1500*time.Millisecond)
//	err = s.ExportCSV(ctx, run.ID, w, record.CSVOptions{Lang: "en"})
//
// What survives: a frame that Frame took is handed to the kernel within
// milliseconds and survives kill -9 from then on; it is on the disk at the next
// sync point, once a second, so that at most about a second of samples goes with the
// power. StartRun, StopRun, Annotate and DeleteRun return when their outcome is
// on the disk.
//
// What is missing is said: a buffer that ran over, a full disk, a restart, a new
// epoch, damaged bytes each become a gap in the run and a row in its CSV.
//
// Pictures of cameras are kept in a file of their own per run, up to a size per run
// and camera. They count in the run's Bytes and in Config.MaxBytes, and go with the run.
//
// SPEC.md describes the files. Known limits: the time before the trigger does not
// reach back beyond the start of the process, and has no pictures; a run's window is
// cut by box time, so samples that come late still belong to it; on Windows the
// directory itself is not synced.
package record
