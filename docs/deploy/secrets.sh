#!/bin/sh
# Makes the passwords of broker and store, once: in ./secrets, or the folder named.
# Containers read the files under their own user ids, so the files are readable and
# the folder is not: nobody else on this machine gets in.
set -eu
dir=${1:-secrets}
if [ -e "$dir/broker_password" ]; then
	echo "$dir is there already" >&2
	exit 1
fi
mkdir -p "$dir"
chmod 700 "$dir"
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
umask 022
random >"$dir/broker_password"
printf 'default_pass = %s\n' "$(cat "$dir/broker_password")" >"$dir/rabbitmq.conf"
random >"$dir/store_password"
sum=$(printf %s "$(cat "$dir/store_password")" | sha256sum | cut -d' ' -f1)
# The nameless user may ask whether the store is there, for the health check.
cat >"$dir/users.acl" <<ACL
user default on nopass resetkeys resetchannels -@all +ping
user labbox on #$sum resetchannels ~* +get +mget +set +del +pexpire +pttl +persist +exists +eval +evalsha +scan +info +ping +config|get +cluster|slots +cluster|info
ACL
echo "passwords are in $dir"
