package rabbitbus

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
	"labbox/edge/fanout"
)

const (
	jobPrefix  = prefix + "job."  // + name: the jobs
	deadPrefix = prefix + "dead." // + name: the jobs set aside

	maxQueueName = 100 // the settings must fit in the routing key beside it
	perJob       = 512 // bytes of headers and framing, generously

	brokerAckMost = 30 * time.Minute // RabbitMQ's default consumer_timeout
)

// queue is what this Bus knows of a declared queue.
type queue struct {
	edge.Queue
	sent *recent // ids this process has stored
	took *recent // owners of ids this process has taken, where there is no Memory

	mu   sync.Mutex
	dead sync.Mutex // one reader of the jobs set aside at a time
	bad  error      // the broker has it with other settings
}

func jobQueue(name string) string  { return jobPrefix + name }
func deadQueue(name string) string { return deadPrefix + name }

// Shares of MaxBytes. The jobs' is what Enqueue fills.
func deadBytes(q edge.Queue) int64 { return q.MaxBytes / 4 }
func jobBytes(q edge.Queue) int64  { return q.MaxBytes - deadBytes(q) }

// queues are those this process has declared or met.
type queues struct {
	mu    sync.Mutex
	known map[string]*queue

	copies atomic.Uint64 // numbers the copies of jobs
}

func (qs *queues) init(*Bus) { qs.known = map[string]*queue{} }

func (qs *queues) get(name string) *queue {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	return qs.known[name]
}

// put keeps q unless one of its name is there, and returns what is.
func (qs *queues) put(decl edge.Queue) *queue {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	q := qs.known[decl.Name]
	if q == nil || q.Queue != decl {
		q = &queue{Queue: decl, sent: newRecent(decl.Dedup), took: newRecent(decl.Dedup + backlog)}
		qs.known[decl.Name] = q
	}
	return q
}

func (qs *queues) list() []*queue {
	qs.mu.Lock()
	defer qs.mu.Unlock()
	all := make([]*queue, 0, len(qs.known))
	for _, q := range qs.known {
		all = append(all, q)
	}
	return all
}

func checkQueueName(name string) error {
	if err := fanout.CheckWord(name); err != nil {
		return err
	}
	if len(name) > maxQueueName {
		return edge.Errorf(edge.CodeBadName, "rabbitbus: queue name %q is too long", name).WithHint("at most %d bytes", maxQueueName)
	}
	return nil
}

func checkQueue(q edge.Queue) error {
	if err := checkQueueName(q.Name); err != nil {
		return err
	}
	return fanout.CheckQueue(q)
}

// settings writes q's settings into the one argument of the broker's queue that
// may be any text, its dead-letter routing key: the broker itself then refuses
// another declaration, and they can be read by hand (rabbitmqctl list_queues
// arguments).
func settings(q edge.Queue) string {
	return fmt.Sprintf("%s:tries=%d,retry=%v,wait=%v,dedup=%v,bytes=%d", q.Name, q.MaxTries, q.RetryDelay, q.AckWait, q.Dedup, q.MaxBytes)
}

// readSettings is the reverse of settings.
func readSettings(s string) (q edge.Queue, err error) {
	name, rest, ok := strings.Cut(s, ":")
	if !ok {
		return q, errors.New("no settings of labbox")
	}
	q.Name = name
	for part := range strings.SplitSeq(rest, ",") {
		key, v, _ := strings.Cut(part, "=")
		var err error
		switch key {
		case "tries":
			q.MaxTries, err = strconv.Atoi(v)
		case "retry":
			q.RetryDelay, err = time.ParseDuration(v)
		case "wait":
			q.AckWait, err = time.ParseDuration(v)
		case "dedup":
			q.Dedup, err = time.ParseDuration(v)
		case "bytes":
			q.MaxBytes, err = strconv.ParseInt(v, 10, 64)
		default:
			err = fmt.Errorf("unknown setting %q", key)
		}
		if err != nil {
			return q, err
		}
	}
	return q, checkQueue(q)
}

func jobArguments(q edge.Queue, key string) amqp.Table {
	return amqp.Table{
		"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-max-length-bytes": jobBytes(q),
		"x-delivery-limit": int64(q.MaxTries), "x-dead-letter-exchange": deadExchange, "x-dead-letter-routing-key": key,
		"x-dead-letter-strategy": "at-least-once",
	}
}

// declareQueue makes the two queues of q exist.
func declareQueue(ch *amqp.Channel, q edge.Queue) error {
	key := settings(q)
	if _, err := ch.QueueDeclare(jobQueue(q.Name), true, false, false, false, jobArguments(q, key)); err != nil {
		return err
	}
	dead := amqp.Table{"x-queue-type": "quorum", "x-overflow": "reject-publish", "x-max-length-bytes": deadBytes(q),
		"x-delivery-limit": int64(1 << 30)} // Dead delivers them, and RabbitMQ 4 would drop them after 20 times
	if _, err := ch.QueueDeclare(deadQueue(q.Name), true, false, false, false, dead); err != nil {
		return err
	}
	return ch.QueueBind(deadQueue(q.Name), key, deadExchange, false, nil)
}

func declareError(name string, err error) error {
	var a *amqp.Error
	if errors.As(err, &a) && (a.Code == amqp.PreconditionFailed || a.Code == amqp.ResourceLocked) {
		return edge.Errorf(edge.CodeContract, "rabbitbus: queue %s exists with other settings: %s", name, a.Reason).
			WithHint("a queue keeps the settings it was first declared with; rabbitmqctl delete_queue %s removes it with its jobs", jobQueue(name)).
			With("queue", name)
	}
	return callError("declare "+name, err)
}

// Declare implements edge.Bus.
func (b *Bus) Declare(ctx context.Context, decl edge.Queue) error {
	if err := checkQueue(decl); err != nil {
		return err
	}
	if b.subs.Closed() {
		return errClosed()
	}
	s, err := b.con.session()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callMost)
	defer cancel()
	if err := s.call(ctx, func(ch *amqp.Channel) error { return declareQueue(ch, decl) }); err != nil {
		return declareError(decl.Name, err)
	}
	b.work.put(decl).setBad(nil)
	if longest := max(decl.AckWait, decl.RetryDelay); longest > brokerAckMost {
		b.log.Warn("broker takes jobs away sooner than the queue says, unless its consumer_timeout is raised",
			"queue", decl.Name, "needs", longest, "default", brokerAckMost)
	}
	return nil
}

func (q *queue) setBad(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bad = err
}

func (q *queue) state() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bad
}

// redeclare makes every queue of this process exist again: the broker may have
// lost them. One that somebody else declared otherwise is marked and not tried
// again before the next connection.
func (qs *queues) redeclare(s *session) error {
	for _, q := range qs.list() {
		ch, err := s.conn.Channel()
		if err != nil {
			return err
		}
		err = declareQueue(ch, q.Queue)
		if e := declareError(q.Name, err); err != nil && edge.CodeOf(e) == edge.CodeContract {
			s.link.bus.log.Error("queue exists with other settings", "queue", q.Name, "err", err)
			q.setBad(e)
			continue // the broker closed the channel
		} else if err != nil {
			return err
		}
		q.setBad(nil)
		if err := ch.Close(); err != nil {
			return err
		}
	}
	return nil
}

// queue returns a queue that this process or another declared.
func (b *Bus) queue(ctx context.Context, name string) (*queue, error) {
	if err := checkQueueName(name); err != nil {
		return nil, err
	}
	if b.subs.Closed() {
		return nil, errClosed()
	}
	if q := b.work.get(name); q != nil {
		return q, q.state()
	}
	s, err := b.con.session()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callMost)
	defer cancel()
	decl, err := lookUp(ctx, s, name)
	if err != nil {
		return nil, err
	}
	return b.work.put(decl), nil
}

// lookUp reads the settings of a queue somebody else declared. AMQP has no
// question for them, but the refusal of a declaration names what is there:
// "inequivalent arg 'x-dead-letter-routing-key' ...: received 'x' but current is 'y'".
func lookUp(ctx context.Context, s *session, name string) (edge.Queue, error) {
	err := s.call(ctx, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclarePassive(jobQueue(name), true, false, false, false, nil)
		return err
	})
	var a *amqp.Error
	if errors.As(err, &a) && a.Code == amqp.NotFound {
		return edge.Queue{}, notDeclared(name)
	}
	if err != nil {
		return edge.Queue{}, callError("queue "+name, err)
	}
	err = s.call(ctx, func(ch *amqp.Channel) error {
		args := jobArguments(edge.Queue{MaxTries: 1, MaxBytes: fanout.MinQueueBytes}, "?")
		_, err := ch.QueueDeclare(jobQueue(name), true, false, false, false, args)
		return err
	})
	if errors.As(err, &a) && a.Code == amqp.PreconditionFailed {
		if _, now, ok := strings.Cut(a.Reason, "but current is '"); ok {
			now, _, _ = strings.Cut(now, "'")
			if q, err := readSettings(now); err == nil && q.Name == name {
				return q, nil
			}
		}
		return edge.Queue{}, edge.Errorf(edge.CodeContract, "rabbitbus: queue %s is not labbox's: %s", name, a.Reason).
			WithHint("names that begin with labbox. belong to labbox: use a vhost of its own").With("queue", name)
	}
	return edge.Queue{}, callError("queue "+name, err)
}

func notDeclared(name string) error {
	return edge.Errorf(edge.CodeContract, "rabbitbus: queue %s is not declared", name).With("queue", name)
}
