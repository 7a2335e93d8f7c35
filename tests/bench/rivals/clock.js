// The sample that everybody copies: an HTTP server, and setInterval for each
// client. node clock.js PORT INTERVAL_MS
'use strict';

const http = require('http');

const [port, intervalMs] = process.argv.slice(2).map(Number);

http.createServer((request, response) => {
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-cache',
    'Connection': 'keep-alive',
  });
  const send = () => response.write(`data: ${new Date()}\n\n`);
  send();
  const timer = setInterval(send, intervalMs);
  request.on('close', () => clearInterval(timer));
}).listen(port, '127.0.0.1', 4096);
