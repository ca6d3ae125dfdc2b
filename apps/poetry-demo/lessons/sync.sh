# sync: a library is kept in step; its worker is killed meanwhile, and nothing is lost
begin
POETRY_SYNC=$(find_tool poetry-sync "${POETRY_SYNC:-}")
ln -s "$(readlink -f -- "$POETRY_SYNC")" bin/poetry-sync

# shellcheck disable=SC2046 # a word a port
set -- $(free_ports 5)
for each in 1 2 3; do
  seq -f "line %g of poem $each" 12 >"poem$each.txt"
done
say <<EOF
A server has three poems, and a catalog of them. A library is to be kept in step with it: its records,
their jobs and what was fetched are in a database.
EOF
start "poetry-server --delay $(delays 0.5) --log-level off --serve $1=catalog \
--serve $2=poem:poem1.txt --serve $3=poem:poem2.txt --serve $4=poem:poem3.txt"
library='--database sqlite:library.db'
worker="poetry-sync worker $library --control $5 --lease $(delays 2) --retry-delay 0 --log-level off"
show "poetry-sync add collection $1 --name 'All poems' $library"
start "$worker"
say <<EOF
The button is pressed three times. It makes one job, which is stored before the press is answered.
EOF
for _ in 1 2 3; do show "poetry-sync request collection 1 --control $5"; done
pause 3
say <<EOF
In the middle of the poems the worker is killed. What it has stored stays, and what it was at is given
to whoever comes next, once its lease has run out.
EOF
stop KILL
show "poetry-sync status $library"
start "$worker"
show "poetry-sync request collection 1 --wait --control $5"
say <<EOF
The job is done, in its second attempt. What is stored is what was served:
EOF
prompt "cat poem1.txt poem2.txt poem3.txt >served; poetry-sync text 1 $library | cmp - served && echo the same"
cat poem1.txt poem2.txt poem3.txt >served
poetry-sync text 1 --database sqlite:library.db | cmp - served && echo the same
