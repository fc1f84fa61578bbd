package web

// BoxInfo is how people in the room reach this box, as it is now: addresses and
// names change while it runs. Config.Info returns it.
type BoxInfo struct {
	// Addresses are URLs of the panel, without a slash at the end, such as
	// "http://192.168.1.5:8080"; the first is the best to show. Empty: the box
	// listens on loopback only.
	Addresses []string `json:"addresses"`
	// Name is the host name that the box answers to by mDNS, such as
	// "labbox.local"; NameURL is the panel's URL with it. Empty: none.
	Name    string `json:"name,omitempty"`
	NameURL string `json:"name_url,omitempty"`
	// Fingerprint is of the CA that people install, "SHA256:AB:CD:..."; InstallURL
	// is the page that says how. Empty: the box makes no certificates.
	Fingerprint string `json:"fingerprint,omitempty"`
	InstallURL  string `json:"install_url,omitempty"`
}
