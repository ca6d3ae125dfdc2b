# deadlines: a server of each fault, and what the client says of it
begin

printf 'The first line of a poem,\nthe second,\nthe third,\nand the last.\n' >poem.txt
# shellcheck disable=SC2046 # a word a port
set -- $(free_ports 9)
say <<EOF
One server has no fault, and seven others have one each. The first tells, as JSON, how long each poem
is, and its SHA-256: a poem that ends early looks whole to who does not know better.
EOF
start "poetry-server --delay $(delays 0.5) --log-level off --serve $1=catalog \
--serve $2=poem:poem.txt \
--serve $3=poem:poem.txt,fault=refuse --serve $4=poem:poem.txt,fault=blackhole \
--serve $5=poem:poem.txt,fault=never-reply --serve $6=poem:poem.txt,fault=stall-after=2lines \
--serve $7=poem:poem.txt,fault=close-after=2lines --serve $8=poem:poem.txt,fault=reset-after=30B \
--serve $9=poem:poem.txt,fault=corrupt=10"
say <<EOF
The client waits for each no longer than it is told, and says of each what became of it.
EOF
show "poetry-get --quiet --catalog $1 --print none --connect-timeout $(delays 2) --idle-timeout $(delays 2)"
say <<EOF
Where a fault may pass, it tries again. Of a server that resets its first connection, all is had:
EOF
stop TERM
start "poetry-server --delay $(delays 0.25) --log-level off --fault '#1:reset-after=30B' --port $2 poem.txt"
show "poetry-get --print live --retries 2 --retry-delay $(delays 1) $2"
