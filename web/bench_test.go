package web_test

func benchClients() bool { return false }
