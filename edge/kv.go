package edge

import (
	"context"
	"time"
)

// KV holds state that outlives a process. A write that has returned nil
// survives kill -9 of the store (and, on minikv and on a Redis with
// appendfsync always, a power cut).
//
// Keys are 1 to 512 bytes of printable ASCII without space; values up to 1 MiB.
// A ttl of 0 means the key stays. Methods are safe for concurrent use, and each
// is atomic. Errors: CodeStoreDown (not reachable), CodeStoreFull, CodeTooLarge,
// CodeBadName (key). After an error other than these the outcome of a write is
// unknown until it is read back.
type KV interface {
	// Get returns the value, ok false where the key does not exist.
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	// GetMany returns one value per key, nil where one does not exist.
	GetMany(ctx context.Context, keys ...string) ([][]byte, error)
	// Set stores value, replacing value and ttl.
	Set(ctx context.Context, key string, value []byte, ttl time.Duration) error
	// Create stores value only where key does not exist, and says if it did.
	Create(ctx context.Context, key string, value []byte, ttl time.Duration) (bool, error)
	// Swap replaces old by new only where key holds exactly old, and says if it
	// did. The ttl is replaced too.
	Swap(ctx context.Context, key string, old, new []byte, ttl time.Duration) (bool, error)
	// Raise sets key to the decimal number n unless it already holds a greater
	// or equal one, and returns what it holds then. It keeps no ttl. A value
	// that is no number is an error (CodeBadValue).
	Raise(ctx context.Context, key string, n uint64) (uint64, error)
	// Delete removes keys and says how many existed.
	Delete(ctx context.Context, keys ...string) (int, error)
	// Touch gives an existing key a new ttl, and says if the key existed.
	Touch(ctx context.Context, key string, ttl time.Duration) (bool, error)
	// TTL returns the time left, 0 for a key that stays; ok false: no such key.
	TTL(ctx context.Context, key string) (left time.Duration, ok bool, err error)
	// Keys returns the existing keys that start with prefix, sorted. It walks the
	// store: not for hot paths.
	Keys(ctx context.Context, prefix string) ([]string, error)
	// Health is nil while the store is reachable and fit to hold state.
	Health(ctx context.Context) error
	// Close ends the connection.
	Close() error
}
