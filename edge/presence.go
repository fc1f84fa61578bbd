package edge

import "time"

// Presence is what a box's owner process says of itself, as JSON at PresenceKey,
// with PresenceTTL, renewed as long as it runs. Whoever may read the store may
// ask the owner by HTTP: Token is the secret between the lab's own processes.
type Presence struct {
	Box string `json:"box"`
	// Instance belongs to the owner's data directory: it stays over restarts, and
	// tells a box that came back from a second box of the same name.
	Instance string `json:"instance"`
	Owner    uint32 `json:"owner"` // Tick.Owner of this process
	// URL is the owner's own HTTP listener, such as http://192.168.4.20:8080.
	URL       string `json:"url"`
	Token     string `json:"token"`
	Host      string `json:"host"` // name of its machine, for people
	Version   string `json:"version"`
	StartedMS int64  `json:"started_ms"` // Unix ms
}

// PresenceTTL is how long a presence that is not renewed counts.
const PresenceTTL = 10 * time.Second

// PresenceKey is where the presence of a box's owner lies.
func PresenceKey(box string) string { return Key(box, "owner") }
