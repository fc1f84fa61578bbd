package web

import "labbox/edge/class"

// RouteInfo is a line of the route table, for tests.
type RouteInfo struct {
	Method, Pattern string
	Anonymous       bool
	Verb            string
}

// Routes is the route table.
func Routes() (list []RouteInfo) {
	for _, rt := range (&Server{}).routeTable() {
		list = append(list, RouteInfo{rt.method, rt.pattern, rt.anonymous, string(rt.verb)})
	}
	return list
}

// Hide replaces the names of a class in a message of the owner.
func Hide(members []class.Member, b []byte) []byte {
	r := &room{class: &class.Class{HideNames: true}, members: members}
	r.drawVeil()
	return r.veil.Load().hide(b)
}
