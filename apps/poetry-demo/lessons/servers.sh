# servers: one thread for all clients, a thread each, a process each
begin

# What ps(1) would tell of a process and its children; it is not on every machine.
processes() {
  prompt "ps --pid $1 --ppid $1 -o pid,ppid,nlwp,comm"
  if command -v ps >/dev/null; then
    ps --pid "$1" --ppid "$1" -o pid,ppid,nlwp,comm
    return
  fi
  printf '%7s %7s %4s %s\n' PID PPID NLWP COMMAND
  for each in "$1" $(cat "/proc/$1/task/$1/children"); do
    awk -v pid="$each" '{ value[$1] = $2 } END {
      printf "%7s %7s %4s %s\n", pid, value["PPid:"], value["Threads:"], value["Name:"]
    }' "/proc/$each/status"
  done
}

engine() {
  port=$(free_ports 1)
  start "poetry-server --engine $1 --log-level warn --serve $port=echo,prefix=pid"
  for client in one two; do
    prompt "poetry-get --quiet --report none --print live --send 'hello from $client\\n' --until-idle $(delays 3) $port &"
    poetry-get --quiet --report none --print live --send "hello from $client\\n" --until-idle "$(delays 3)" "$port" 2>&1 &
    started="$! $started"
  done
  pause 1.5
  processes "$server"
  pause 2.5
  stop TERM
}

say <<EOF
An echo server puts the number of the process that answers before what it sends back. Two clients ask
it, and stay for a while. One thread that waits for all of them by select has one process with one
thread (NLWP):
EOF
engine select
say <<EOF
With a thread for each connection, the process is the same for both clients, and has two threads more:
EOF
engine threads
say <<EOF
With a process for each connection, each client is answered by another one:
EOF
engine fork
