package edge

import (
	"context"
	"time"
)

// Bus carries news between the parts of a lab. Three kinds of traffic:
//
//   - live (Publish, Subscribe): at most once, ordered per publisher and
//     subject, dropped where nobody listens or a consumer is too slow;
//   - requests (Request, Serve): one answer, within the context's deadline;
//   - durable work (Enqueue, Consume): confirmed once it will survive kill -9 of
//     the broker, deduplicated by id, redelivered until acknowledged and set
//     aside (dead-lettered) after Queue.MaxTries deliveries.
//
// Subjects are words of a-z A-Z 0-9 _ - joined by "."; in patterns "*" stands for one
// word and a last word ">" for one or more. At most 255 bytes. Anything else is
// refused with CodeBadName.
//
// All methods are safe for concurrent use. Handlers of one subscription run one
// after another in order, and must not block for long; Serve handlers run
// concurrently. Data given to a handler is the handler's to read until it
// returns, and to keep only as a copy.
type Bus interface {
	// Publish hands data to whoever subscribes now. It does not wait for them.
	// When the broker is away it returns CodeBusDown and drops data.
	Publish(ctx context.Context, subject string, data []byte) error
	// Subscribe calls fn for every message whose subject matches pattern.
	Subscribe(pattern string, fn func(Msg)) (Subscription, error)

	// Request sends data to one server of subject and returns its answer. ctx
	// must have a deadline (else CodeBadRequest). An expired deadline gives an
	// error that wraps context.DeadlineExceeded; nobody serving, CodeNoAnswer at
	// once where the broker knows.
	Request(ctx context.Context, subject string, data []byte) ([]byte, error)
	// Serve answers requests whose subject matches pattern. ctx carries the
	// requester's deadline. An error from fn reaches the requester as an *Error.
	Serve(pattern string, fn func(ctx context.Context, m Msg) ([]byte, error)) (Subscription, error)

	// Declare makes queue q exist with these settings. Declaring it again with
	// the same settings changes nothing; with others it is an error (CodeContract).
	Declare(ctx context.Context, q Queue) error
	// Enqueue stores data under id in the named queue and returns once it is
	// durable. A second Enqueue of the same id within Queue.Dedup is accepted and
	// stores nothing.
	Enqueue(ctx context.Context, queue, id string, data []byte) error
	// Consume calls fn for one job after another. nil acknowledges; an error
	// hands the job back after Queue.RetryDelay. Several consumers share a queue.
	Consume(queue string, fn func(ctx context.Context, j Job) error) (Subscription, error)
	// Dead returns up to limit jobs that were set aside, oldest first.
	Dead(ctx context.Context, queue string, limit int) ([]Job, error)

	// Health is nil while the broker is reachable, else says since when it is not.
	Health() error
	// Close ends every subscription and returns when no handler runs any more.
	Close() error
}

// Msg is one message.
type Msg struct {
	Subject string
	Data    []byte
}

// Queue declares a durable queue. Name is one word.
type Queue struct {
	Name       string
	MaxTries   int           // deliveries before a job is set aside; >= 1
	RetryDelay time.Duration // pause before a failed job comes again
	AckWait    time.Duration // a consumer silent for this long has lost the job
	Dedup      time.Duration // how long an id is remembered
	MaxBytes   int64         // bound on the disk it may take; Enqueue beyond it is CodeStoreFull
}

// Job is one delivery of durable work.
type Job struct {
	ID   string
	Data []byte
	Try  int // 1 for the first delivery
}

// Subscription is ended by Close, which returns when its handler runs no more
// (unless called from that handler).
type Subscription interface {
	Close() error
	// Dropped counts live messages lost because this subscriber was too slow.
	Dropped() uint64
}
