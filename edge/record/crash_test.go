package record

func childMain() bool { return false }
