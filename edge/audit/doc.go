// Package audit keeps what happened on a box in an append-only, hash-chained log:
// who did what when, under which fencing number, what went out, what the device
// answered, every change of state.
//
//	log, err := audit.Open(ctx, audit.Config{Dir: dir.Sub("audit"), Box: "bench-3", Clock: clock})
//	if err != nil {
//		return err
//	}
//	defer log.Close()
//	log.Note(event) // never blocks
//
//	report, err := audit.Verify(ctx, dir.Sub("audit"))
//
// # Format
//
// Files audit-N.jsonl, N the number of their first record in 12 digits, one JSON
// object a line:
//
//	{"hash":"H","n":N,"prev":"P","event":{...}}
//
// N counts up by one, over files. P is the hash of the record before, 64 zeros
// for the first. H is the SHA-256, in hex, of the line from `"n":` to its last
// brace, so that any changed byte shows, and P ties the record to all before it.
// event is an edge.Event; one longer than 8 KiB has its args cut to 4 KiB and a
// note of their length. The log's own records have codes that begin with "audit.":
//
//	audit.started   a process began to write
//	audit.lost      n events did not fit the queue while the disk was slow
//	audit.more      n events of one seat and code beyond 50 a second
//	audit.torn      the last line was cut off by a crash and is gone
//	audit.dropped   records up to n, with that hash, were deleted: size or age
//	audit.broken    at its start the log was not as it had been left
//
// head.json beside the files names the last durable record; Config.Copy tells it
// to another place as well. Both show that an end was cut off.
//
// # Durability
//
// A batch of records is one write, at once: kill -9 takes nothing that was
// written. It is synced within SyncEvery: a power cut takes about that much, or
// the last line, which the next start cuts off and says so.
//
// # Known limits
//
// The chain has no key. Whoever may write the directory, and the copy of the
// head, can make a new chain: compare a head that was noted elsewhere. Events of
// the last seconds before a crash are newer than the head that was kept, so that
// cutting those off does not show. After a power cut a disk that wrote later pages before
// earlier ones is reported as broken, which cannot be told from an edit.
package audit
