# weblog: three clients see the same records, while the log is rotated
begin

number=0
visit() {
  number=$((number + 1))
  printf '127.0.0.1 - - [%s] "GET /poems/%s HTTP/1.1" 200 577\n' \
    "$(LC_ALL=C date '+%d/%b/%Y:%H:%M:%S %z')" "$number" >>access.log
  pause 1
}

: >access.log
# shellcheck disable=SC2046 # a word a port
set -- $(free_ports 3)
say <<EOF
A web server's log grows by a line for each visit. One server follows it, and pushes each record to all
who listen: as it is to the first client, as JSON to the second, as XML to the third.
EOF
start "poetry-server --log-level warn --serve $1=weblog:access.log \
--serve $2=weblog:access.log,format=json --serve $3=weblog:access.log,format=xml"
prompt "poetry-get --quiet --print live $1 $2 $3 &"
poetry-get --quiet --print live "$1" "$2" "$3" 2>&1 &
started="$! $started"
pause 1
say <<EOF
Three visits:
EOF
for _ in 1 2 3; do visit; done
say <<EOF
The log is rotated, as logrotate does it: renamed, and begun anew. No client notices.
EOF
prompt 'mv access.log access.log.1; : >access.log'
mv access.log access.log.1
: >access.log
for _ in 1 2 3; do visit; done
pause 1
stop TERM
