// A client with Node: fetch_node.js PORT COUNT PARALLEL.
const net = require('node:net');

const [port, count, parallel] = process.argv.slice(2).map(Number);
let left = count;
let ended = 0;
let bytes = 0;
let failed = 0;

function fetchNext() {
  if (left === 0) return;
  --left;
  const socket = net.connect(port, '127.0.0.1');
  socket.on('data', (data) => { bytes += data.length; });
  socket.on('error', () => { ++failed; });
  socket.on('close', () => {
    if (++ended === count) report();
    fetchNext();
  });
}

const started = performance.now();
const before = process.cpuUsage();
function report() {
  const cpu = process.cpuUsage(before);
  console.log(JSON.stringify({
    elapsed_s: (performance.now() - started) / 1000,
    cpu_s: (cpu.user + cpu.system) / 1e6,
    bytes,
    failed,
  }));
}

for (let i = 0; i < Math.min(parallel, count); ++i) fetchNext();
