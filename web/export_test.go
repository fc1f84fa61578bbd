package web

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
