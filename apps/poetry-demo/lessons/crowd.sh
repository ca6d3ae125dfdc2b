# crowd: ten thousand clients in one thread
begin

# shellcheck disable=SC3045 # each shell of Debian has it
most=$(ulimit -H -n)
clients=10000
if [ "$most" != unlimited ] && [ "$most" -lt 10100 ]; then
  clients=$((most - 100))
  say <<EOF
This machine allows a process $most descriptors, so that there are fewer than ten thousand clients.
EOF
fi
each=$((clients / 3))
say <<EOF
$((3 * each)) clients come at once. The server has one thread, which waits for all of them by epoll, and
sends each its lines on time. The client has one thread as well, which waits by epoll, and then by Asio.
Look at memory, and at cpu beside elapsed: hardly any of the time is work.
EOF
show "poetry-server --engine epoll --port 0 --delay $(delays 1) --log-level off --run \
'poetry-get --engine epoll,asio --repeat $each --quiet --print none \$POETRY_SERVERS'"
say <<EOF
With a thread for each, a tenth of them takes this:
EOF
show "poetry-server --engine epoll --port 0 --delay $(delays 1) --log-level off --run \
'poetry-get --engine epoll,threads --repeat $((each / 10)) --quiet --print none \$POETRY_SERVERS'"
