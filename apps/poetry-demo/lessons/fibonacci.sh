# fibonacci: a server that is killed again and again gives no number twice
begin

port=$(free_ports 1)
say <<EOF
Each line that is sent is answered by the next number of one sequence, whoever asks. What was given is
on the disk before it is sent, so that not even SIGKILL has a number come twice.
EOF
for _ in 1 2 3 4; do
  start "poetry-server --log-level warn --serve $port=fibonacci:numbers.db"
  show "poetry-get --quiet --report none --send 'next\\nnext\\nnext\\n' --until-lines 3 $port | tee -a drawn"
  pause 1
  stop KILL
done
say <<EOF
The server was killed four times. All numbers that came, and how many of them came twice:
EOF
prompt "wc -l <drawn; sort drawn | uniq -d | wc -l"
wc -l <drawn
sort drawn | uniq -d | wc -l
