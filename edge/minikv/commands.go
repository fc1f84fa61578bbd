package minikv

import "strings"

// kind says what the gate does with a command.
type kind uint8

const (
	refused    kind = iota
	connection      // concerns the connection only: miniredis answers
	read            // waits until what it saw is durable
	readAll         // the same, for all keys
	readTTL         // answered from the deadline
	write           // applied under the lock and journaled
	script
	transaction
)

// command describes one command; its keys are args[first], args[first+step], ...
// up to args[last], where a negative last counts from the end.
type command struct {
	kind              kind
	first, last, step int
}

func (c command) keys(args []string) []string {
	last := c.last
	if last < 0 {
		last += len(args)
	}
	if c.step == 0 || last >= len(args) || c.first > last {
		return nil
	}
	if c.step == 1 {
		return args[c.first : last+1]
	}
	var keys []string
	for i := c.first; i <= last; i += c.step {
		keys = append(keys, args[i])
	}
	return keys
}

// commandTable is the allow-list. What is not in it would be acknowledged
// without being journaled.
func commandTable() map[string]command {
	t := make(map[string]command)
	add := func(c command, names string) {
		for name := range strings.FieldsSeq(names) {
			t[name] = c
		}
	}
	add(command{kind: connection}, `PING ECHO HELLO AUTH QUIT CLIENT COMMAND INFO TIME SUBSCRIBE UNSUBSCRIBE
		PSUBSCRIBE PUNSUBSCRIBE PUBLISH PUBSUB SCRIPT CLUSTER SELECT`)
	add(command{read, 0, 0, 1}, `GET STRLEN GETRANGE GETBIT BITCOUNT BITPOS TYPE DUMP
		HGET HGETALL HKEYS HVALS HLEN HMGET HEXISTS HSTRLEN HSCAN HRANDFIELD
		LRANGE LINDEX LLEN LPOS SISMEMBER SMEMBERS SMISMEMBER SCARD SRANDMEMBER SSCAN
		ZSCORE ZMSCORE ZCARD ZCOUNT ZLEXCOUNT ZRANGE ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREVRANGE
		ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCAN ZRANDMEMBER`)
	add(command{read, 0, -1, 1}, `MGET EXISTS TOUCH SDIFF SINTER SUNION`)
	add(command{kind: readAll}, `KEYS SCAN DBSIZE RANDOMKEY`)
	add(command{readTTL, 0, 0, 1}, `TTL PTTL EXPIRETIME PEXPIRETIME`)
	add(command{write, 0, 0, 1}, `SET SETNX SETEX PSETEX GETSET GETDEL GETEX APPEND SETRANGE SETBIT
		INCR DECR INCRBY DECRBY INCRBYFLOAT PERSIST EXPIRE PEXPIRE EXPIREAT PEXPIREAT
		HSET HMSET HSETNX HDEL HINCRBY HINCRBYFLOAT
		LPUSH LPUSHX RPUSH RPUSHX LPOP RPOP LREM LSET LTRIM LINSERT SADD SREM SPOP
		ZADD ZREM ZINCRBY ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZPOPMIN ZPOPMAX`)
	add(command{write, 0, 1, 1}, `RENAME RENAMENX SMOVE RPOPLPUSH LMOVE`)
	add(command{write, 0, -1, 1}, `DEL UNLINK`)
	add(command{write, 0, -1, 2}, `MSET MSETNX`)
	add(command{kind: script}, `EVAL EVALSHA`)
	add(command{kind: transaction}, `MULTI EXEC DISCARD WATCH UNWATCH`)
	return t
}

// vet refuses forms of an allowed command that the store cannot keep right.
func vet(name string, args []string) (why string) {
	switch name {
	case "SELECT":
		if len(args) == 1 && args[0] != "0" {
			return "only database 0"
		}
	case "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT":
		for _, a := range args[min(len(args), 2):] {
			if u := strings.ToUpper(a); u == "GT" || u == "LT" {
				return "no " + u
			}
		}
	}
	return ""
}

// shrinks says that a command may run in a full store.
func shrinks(name string) bool {
	switch name {
	case "DEL", "UNLINK", "GETDEL", "PERSIST", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "HDEL", "LPOP", "RPOP",
		"LREM", "LTRIM", "SREM", "SPOP", "ZREM", "ZPOPMIN", "ZPOPMAX", "ZREMRANGEBYLEX", "ZREMRANGEBYRANK", "ZREMRANGEBYSCORE":
		return true
	}
	return false
}
