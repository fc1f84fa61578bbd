package rediskv

import (
	"crypto/sha1"
	"encoding/hex"
)

// script is Lua source that touches KEYS[1] and no other key.
type script struct{ src, sha1 string }

func newScript(src string) script {
	sum := sha1.Sum([]byte(src))
	return script{src, hex.EncodeToString(sum[:])}
}

// Numbers are compared as decimal text: Lua's are doubles and lose the last
// digits of a uint64.
var (
	swapScript = newScript(`
local held = redis.call('GET', KEYS[1])
if held == false or held ~= ARGV[1] then return 0 end
if ARGV[3] == '0' then
  redis.call('SET', KEYS[1], ARGV[2])
else
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 1`)

	raiseScript = newScript(`
local held = redis.call('GET', KEYS[1])
if held ~= false then
  if not string.find(held, '^%d+$') then return held end
  local a = string.gsub(held, '^0+', '')
  local b = string.gsub(ARGV[1], '^0+', '')
  if #a > #b or (#a == #b and a >= b) then
    redis.call('PERSIST', KEYS[1])
    return held
  end
end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]`)

	persistScript = newScript(`
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('PERSIST', KEYS[1])
return 1`)
)
