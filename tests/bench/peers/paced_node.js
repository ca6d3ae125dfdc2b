// A paced server with Node: paced_node.js PORT DELAY LINE.
const net = require('node:net');

const [port, delay, line] = process.argv.slice(2);
const text = Buffer.from(line + '\n');

net.createServer((socket) => {
  const timer = setInterval(() => socket.write(text), Number(delay) * 1000);
  socket.on('error', () => {});  // a reset, after which it closes
  socket.on('close', () => clearInterval(timer));
}).listen({port: Number(port), host: '127.0.0.1', backlog: 4096});
