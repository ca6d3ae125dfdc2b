// A server of short poems with Node: poem_node.js PORT FILE.
const fs = require('node:fs');
const net = require('node:net');

const [port, path] = process.argv.slice(2);
const poem = fs.readFileSync(path);

net.createServer((socket) => {
  socket.on('error', () => {});  // a reset, after which it closes
  socket.end(poem);
}).listen({port: Number(port), host: '127.0.0.1', backlog: 4096});
